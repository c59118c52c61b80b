/**
 * Player: time.  First, back, play, next, last; a strip of the whole run; a
 * slider with its milestones; questions that pause; a link to every frame.
 */

/**
 * @typedef {{root: HTMLElement, data: Data, frames: Data[], at: number, timer: number,
 *   answers: Map<number, Data>, nudged: number, stop: () => void, ui: Record<string, HTMLElement>,
 *   scene?: (i: number) => void, after?: () => void}} Player  `scene` draws over something else than panels
 */

/** @param {Data[]} frames @param {number} i @returns {Data} an empty frame before the first */
function frameBefore(frames, i) {
  return i > 0 ? frames[i - 1] : { panels: [], counters: [] };
}

/** @param {Player} me @param {number} i the pictures and counters of a frame */
function drawBody(me, i) {
  const frame = me.frames[i];
  const before = frameBefore(me.frames, i);
  if (!frame.sides) return el('div', {}, drawStage(frame.panels, before.panels), frame.counters.length ? drawCounters(frame.counters, before.counters) : null);
  const old = before.sides || [{ panels: [] }, { panels: [] }];
  const halves = frame.sides.map((/** @type {Data} */ side, /** @type {number} */ s) => el('div', { class: 'mdl-side' },
    el('div', { class: 'mdl-side-name' }, rich(me.data.labels[s])),
    drawStage(side.panels, old[s].panels, frame.sides[1 - s].panels), el('p', { class: 'mdl-side-caption' }, rich(side.caption))));
  return el('div', {}, el('div', { class: 'mdl-sides' }, ...halves), drawRatios(frame.sides, me.data.labels));
}

/** @param {Player} me @param {number} i @returns {number} the frame whose question was last asked, or −1 */
function lastAsk(me, i) {
  for (let k = i; k >= 0; k -= 1) if (me.frames[k].ask) return k;
  return -1;
}

/** @param {Player} me @param {number} i */
function waiting(me, i) {
  return !!me.frames[i].ask && !me.answers.has(i);
}

/** @param {Player} me @param {number} i @param {boolean} [measuring] the words below the pictures */
function drawWords(me, i, measuring) {
  const frame = me.frames[i];
  const asked = lastAsk(me, i);
  const answer = asked >= 0 ? me.answers.get(asked) : undefined;
  const out = el('div', {}, measuring ? drawCaption(frame) : null);
  if (waiting(me, i)) out.append(drawAsk(me, i, !!measuring));
  else {
    const why = drawWhy(frame.why);
    if (why) out.append(why);
    if (answer) out.append(drawRecord(me.frames[asked].ask, answer));
  }
  return out;
}

/** @param {Player} me @param {number} i @param {boolean} measuring */
function drawAsk(me, i, measuring) {
  const spec = me.frames[i].ask;
  const note = el('span', { class: 'mdl-note', role: 'status' });
  const done = (/** @type {any} */ given) => {
    me.answers.set(i, given === null ? { given, ok: true, reply: '' } : { given, ...judge(spec, given) });
    const passed = given === null;
    showFrame(me, passed && i + 1 < me.frames.length ? i + 1 : i);
    me.ui.next.focus();
  };
  const host = measuring ? el('div', {}, el('div', { 'data-panel': '' })) : me.ui.body;
  const made = askControls(spec, host, done, (text) => { note.textContent = text; });
  if (!measuring) me.stop = made.stop;
  const showMe = button('Show me', 'Show me', () => done(null), { 'data-act': 'show' });
  return el('div', { class: 'mdl-ask', role: 'group', 'aria-label': 'question' },
    el('p', { class: 'mdl-question' }, el('span', { class: 'mdl-ask-mark', 'aria-hidden': 'true', text: '? ' }), rich(spec.question)),
    el('div', { class: 'mdl-ask-row' }, made.node, showMe), note);
}

/** @param {Player} me @param {number} i */
function showFrame(me, i) {
  me.stop();
  me.stop = () => {};
  me.at = Math.max(0, Math.min(me.frames.length - 1, i));
  const { ui, at } = me;
  if (me.scene) me.scene(at);
  else ui.body.replaceChildren(drawBody(me, at));
  ui.caption.replaceChildren(drawCaption(me.frames[at]));
  ui.words.replaceChildren(drawWords(me, at));
  if (me.after) me.after();
  if (!me.scene) settle(ui.body);
  /** @type {HTMLInputElement} */ (ui.slider).value = String(at + 1);
  ui.slider.setAttribute('aria-valuetext', `frame ${at + 1} of ${me.frames.length}: ${me.frames[at].title || me.frames[at].caption}`);
  ui.count.textContent = `${at + 1} / ${me.frames.length}`;
  [...ui.strip.children].forEach((cell, k) => cell.classList.toggle('mdl-here', k === at));
  for (const name of ['first', 'back']) ui[name].toggleAttribute('aria-disabled', at === 0);
  for (const name of ['next', 'last']) ui[name].toggleAttribute('aria-disabled', at === me.frames.length - 1);
  ['first', 'back', 'next', 'last'].forEach((n) => { if (ui[n].hasAttribute('aria-disabled')) ui[n].setAttribute('aria-disabled', 'true'); });
  me.root.setAttribute('data-frame', String(at + 1));
}

/** @param {Player} me one step; a question asks to be answered once, and lets pass the second time */
function stepOn(me) {
  if (waiting(me, me.at) && me.nudged !== me.at) {
    me.nudged = me.at;
    pause(me);
    const note = me.ui.words.querySelector('.mdl-note');
    if (note) note.textContent = 'What do you expect? Next again shows it.';
    const first = /** @type {HTMLElement|null} */ (me.ui.words.querySelector('.mdl-ask button, .mdl-ask input'));
    if (first && !me.ui.root.contains(document.activeElement)) first.focus();
    return;
  }
  if (waiting(me, me.at)) me.answers.set(me.at, { given: null, ok: true, reply: '' });
  showFrame(me, me.at + 1);
}

/** @param {Player} me */
function pause(me) {
  window.clearInterval(me.timer);
  me.timer = 0;
  me.ui.play.textContent = '▶';
  me.ui.play.setAttribute('aria-label', 'Play');
}

/** @param {Player} me */
function playOrPause(me) {
  if (me.timer) { pause(me); return; }
  if (me.at === me.frames.length - 1) showFrame(me, 0);
  me.ui.play.textContent = '❚❚';
  me.ui.play.setAttribute('aria-label', 'Pause');
  me.timer = window.setInterval(() => {
    if (waiting(me, me.at) || me.at === me.frames.length - 1 || !me.root.isConnected) pause(me);
    else showFrame(me, me.at + 1);
  }, 1500);
}

/** @param {Player} me @param {number} sign the next milestone in a direction, or the end */
function toMilestone(me, sign) {
  let i = me.at + sign;
  while (i > 0 && i < me.frames.length - 1 && !me.frames[i].milestone) i += sign;
  showFrame(me, i);
}

/** @param {Player} me @param {KeyboardEvent} e */
function playerKeys(me, e) {
  if (writing(e.target) || e.altKey || e.ctrlKey || e.metaKey) return;
  const onButton = /** @type {Element} */ (e.target).closest('button, a');
  /** @type {Record<string, () => void>} */
  const acts = {
    ArrowRight: () => (e.shiftKey ? toMilestone(me, 1) : stepOn(me)),
    ArrowLeft: () => (e.shiftKey ? toMilestone(me, -1) : showFrame(me, me.at - 1)),
    Home: () => showFrame(me, 0),
    End: () => showFrame(me, me.frames.length - 1),
  };
  if (!onButton) acts[' '] = () => playOrPause(me);
  if (!acts[e.key]) return;
  if (e.key !== ' ') pause(me);
  acts[e.key]();
  e.preventDefault();
}
