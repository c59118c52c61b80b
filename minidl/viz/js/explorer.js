/**
 * Explorer: knobs.  One to three parameters, every combination computed beforehand.
 */

/** @param {Data} data @param {number[]} at index of each parameter @returns {number} the frame */
function tableIndex(data, at) {
  return data.params.reduce((/** @type {number} */ sum, /** @type {Data} */ p, /** @type {number} */ i) => sum * p.values.length + at[i], 0);
}

/**
 * @param {Data} param @param {number} start @param {(i: number) => void} change
 * @returns {{node: HTMLElement, input: HTMLInputElement|HTMLSelectElement, set: (i: number) => void}}
 */
function makeKnob(param, start, change) {
  const id = freshId('knob');
  const shown = el('output', { for: id, class: 'mdl-knob-value' });
  const ordered = param.values.every((/** @type {string} */ v) => !Number.isNaN(Number(v)));
  const input = /** @type {HTMLInputElement} */ (ordered
    ? el('input', { id, type: 'range', min: 0, max: param.values.length - 1, step: 1, value: start, class: 'mdl-slider' })
    : el('select', { id, class: 'mdl-select' }, ...param.values.map((/** @type {string} */ v, /** @type {number} */ i) => el('option', { value: i, text: v }))));
  const tell = (/** @type {number} */ i) => {
    shown.textContent = ordered ? `${param.values[i]}${param.unit ? ` ${param.unit}` : ''}` : '';
    if (ordered) input.setAttribute('aria-valuetext', `${param.values[i]} ${param.unit}`.trim());
  };
  input.addEventListener('input', () => { tell(Number(input.value)); change(Number(input.value)); });
  input.value = String(start);
  tell(start);
  return { input, set: (i) => { input.value = String(i); tell(i); },
    node: el('div', { class: 'mdl-knob', 'data-knob': param.name }, el('label', { for: id }, rich(param.label)), input, shown) };
}

/** @param {string} sentence @param {Data} data @param {Data} frame @param {number[]} at @param {(p: number, i: number) => void} turn */
function drawSentence(sentence, data, frame, at, turn) {
  const out = el('p', { class: 'mdl-sentence' });
  sentence.split(/\{([^}]+)\}/).forEach((part, i) => {
    const p = data.params.findIndex((/** @type {Data} */ q) => q.name === part);
    const c = frame.counters.find((/** @type {Data} */ q) => q.name === part);
    if (i % 2 === 0) out.append(rich(part));
    else if (p >= 0) {
      const choice = /** @type {HTMLSelectElement} */ (el('select', { class: 'mdl-handle', 'aria-label': data.params[p].label,
        onchange: () => turn(p, Number(choice.value)) }, ...data.params[p].values.map((/** @type {string} */ v, /** @type {number} */ k) => el('option', { value: k, text: v }))));
      choice.value = String(at[p]);
      out.append(choice);
    } else out.append(el('strong', { text: c ? c.value : '' }));
  });
  return out;
}

/** @param {HTMLElement} root @param {Data} data */
function startExplorer(root, data) {
  const frames = decodeFrames(data.frames);
  const at = data.params.map((/** @type {Data} */ p) => p.start);
  const body = el('div', { class: 'mdl-body' });
  const say = el('div', { class: 'mdl-say' });
  const caption = el('div', { 'aria-live': 'polite', 'aria-atomic': 'true' });
  const sentence = el('div');
  say.append(caption);
  const show = (/** @type {boolean} */ resentence) => {
    const frame = frames[tableIndex(data, at)];
    body.replaceChildren(drawStage(frame.panels, []), frame.counters.length ? drawCounters(frame.counters, []) : '');
    caption.replaceChildren(drawCaption(frame));
    settle(body);
    root.setAttribute('data-frame', String(tableIndex(data, at) + 1));
    if (data.sentence && resentence) sentence.replaceChildren(drawSentence(data.sentence, data, frame, at, turn));
  };
  const knobs = data.params.map((/** @type {Data} */ p, /** @type {number} */ i) => makeKnob(p, p.start, (v) => { at[i] = v; show(true); }));
  /** @param {number} p @param {number} i */
  function turn(p, i) {
    at[p] = i;
    knobs[p].set(i);
    show(true);
    const handle = /** @type {HTMLElement} */ (sentence.querySelectorAll('select')[[...data.sentence.matchAll(/\{([^}]+)\}/g)]
      .filter((m) => data.params.some((/** @type {Data} */ q) => q.name === m[1])).findIndex((m) => m[1] === data.params[p].name)]);
    if (handle) handle.focus();
  }
  root.replaceChildren(el('div', { class: 'mdl-head' }, el('div', { class: 'mdl-title' }, rich(data.title))),
    el('div', { class: 'mdl-knobs' }, ...knobs.map((/** @type {Data} */ k) => k.node)), sentence, body, say);
  const place = linked();
  if (place && place.name === data.name && frames[place.frame - 1]) setFromFrame(data, at, knobs, place.frame - 1);
  show(true);
  onWidth(root, () => reserveTable(root, frames, body, say));
}

/** @param {Data} data @param {number[]} at @param {Data[]} knobs @param {number} index */
function setFromFrame(data, at, knobs, index) {
  let rest = index;
  for (let i = data.params.length - 1; i >= 0; i -= 1) {
    at[i] = rest % data.params[i].values.length;
    rest = Math.floor(rest / data.params[i].values.length);
    knobs[i].set(at[i]);
  }
}

/** @param {HTMLElement} root @param {Data[]} frames @param {HTMLElement} body @param {HTMLElement} say */
function reserveTable(root, frames, body, say) {
  const probe = el('div', { class: 'mdl-measure', 'aria-hidden': 'true' });
  root.append(probe);
  let [tall, words] = [0, 0];
  const every = Math.max(1, Math.ceil(frames.length / 60));
  for (let i = 0; i < frames.length; i += every) {
    const picture = el('div', {}, drawStage(frames[i].panels, []), frames[i].counters.length ? drawCounters(frames[i].counters, []) : null);
    const caption = drawCaption(frames[i]);
    probe.replaceChildren(picture, caption);
    tall = Math.max(tall, tallness(picture));
    words = Math.max(words, tallness(caption));
  }
  probe.remove();
  body.style.minHeight = `${tall}px`;
  say.style.minHeight = `${words}px`;
}
