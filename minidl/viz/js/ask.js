/**
 * A question and its verdict; the engine judged every answer beforehand.
 * {kind: "choose", question, options: [{text, reply, measured}], answer}
 * {kind: "number", question, answer, unit, tolerance, replies: [[value, text]]}
 * {kind: "pick", question, panel, answer: [key], only: [key], replies: [[keys, text]]}
 * `right` is what is said after the right answer; `otherwise` after an unlisted wrong one.
 */

/** @param {string} text @returns {number} NaN when it is no number; "1,024 B", "3/4" and "2^10" are */
function readNumber(text) {
  const clean = text.trim().replace(/[,_\s](?=\d{3}\b)/g, '').replace('−', '-');
  const found = /^(-?\d*\.?\d+(?:e[-+]?\d+)?)(?:\s*(\/|\^)\s*(\d*\.?\d+))?(?:\s*[^\d].*)?$/i.exec(clean);
  if (!found) return NaN;
  const [a, b] = [Number(found[1]), Number(found[3])];
  if (found[2] === '/') return a / b;
  return found[2] === '^' ? a ** b : a;
}

/** @param {Data} spec what the engine says, for "counted: …" */
function counted(spec) {
  if (spec.kind === 'choose') return spec.options[spec.answer].text;
  if (spec.kind === 'number') return `${spec.answer}${spec.unit ? ` ${spec.unit}` : ''}`;
  return spec.answer.join('; ');
}

/** @param {Data} spec @param {any} given what the reader said, for "you: …" */
function said(spec, given) {
  if (spec.kind === 'choose') return spec.options[given].text;
  if (spec.kind === 'number') return `${given}${spec.unit ? ` ${spec.unit}` : ''}`;
  return given.length ? given.join('; ') : 'none';
}

/** @param {Data} spec @param {string[]} given */
function judgePick(spec, given) {
  const right = new Set(spec.answer);
  const hits = given.filter((key) => right.has(key)).length;
  if (hits === right.size && hits === given.length) return { ok: true, reply: spec.right };
  const same = (/** @type {string[]} */ keys) => keys.length === given.length && keys.every((k) => given.includes(k));
  const exact = spec.replies.find((/** @type {any[]} */ r) => same(r[0]));
  const part = spec.replies.find((/** @type {any[]} */ r) => r[0].length === 1 && given.includes(r[0][0]) && !right.has(r[0][0]));
  const found = exact || part;
  const tally = `${hits} of your ${given.length} are right; ${right.size - hits} more are missing.`;
  return { ok: false, reply: found ? found[1] : (spec.otherwise || tally) };
}

/**
 * @param {Data} spec @param {any} given an index, a number, or keys
 * @returns {{ok: boolean, reply: string}}
 */
function judge(spec, given) {
  if (spec.kind === 'choose') {
    const ok = given === spec.answer;
    const option = spec.options[given];
    const words = option.reply || (ok ? spec.right : spec.otherwise || 'No.');
    return { ok, reply: option.measured ? `${words} (${option.measured})` : words };
  }
  if (spec.kind === 'pick') return judgePick(spec, given);
  const near = (/** @type {number} */ x) => Math.abs(given - x) <= spec.tolerance + 1e-12;
  if (near(spec.answer)) return { ok: true, reply: spec.right };
  const found = spec.replies.find((/** @type {any[]} */ r) => near(r[0]));
  return { ok: false, reply: found ? found[1] : (spec.otherwise || `${given} is too ${given > spec.answer ? 'large' : 'small'}.`) };
}

/**
 * @param {Data} spec @param {(given: number) => void} answer
 * @returns {HTMLElement}
 */
function askChoose(spec, answer) {
  return el('div', { class: 'mdl-options', role: 'group', 'aria-label': 'answers' },
    ...spec.options.map((/** @type {Data} */ option, /** @type {number} */ i) => el('button', {
      type: 'button', class: 'mdl-option', 'data-option': i, onclick: () => answer(i),
    }, el('span', { class: 'mdl-letter', 'aria-hidden': 'true', text: 'ABCDEF'[i] }), el('span', {}, rich(option.text)))));
}

/**
 * @param {Data} spec @param {(given: number) => void} answer @param {(text: string) => void} tell
 * @returns {HTMLElement}
 */
function askNumber(spec, answer, tell) {
  const id = freshId('number');
  const input = /** @type {HTMLInputElement} */ (el('input', { id, type: 'text', inputmode: 'decimal', autocomplete: 'off', size: 8, class: 'mdl-input', 'aria-label': spec.unit ? `your answer in ${spec.unit}` : 'your answer' }));
  return el('form', { class: 'mdl-number', onsubmit: (/** @type {Event} */ e) => {
    e.preventDefault();
    const value = readNumber(input.value);
    if (Number.isNaN(value)) tell('Write a number, such as 24 or 3/4.'); else answer(value);
  } }, input, spec.unit ? el('span', { class: 'mdl-unit', text: spec.unit }) : null,
  el('button', { type: 'submit', class: 'mdl-button', text: 'Check' }));
}

/**
 * @param {Data} spec @param {HTMLElement} host where the panels are @param {(given: string[]) => void} answer
 * @returns {{node: HTMLElement, stop: () => void}}
 */
function askPick(spec, host, answer) {
  /** @type {string[]} */
  let now = [];
  const panels = /** @type {HTMLElement[]} */ ([...host.querySelectorAll('[data-panel]')]);
  const panel = panels.find((p) => p.getAttribute('data-panel') === spec.panel) || panels[0];
  const tally = el('span', { class: 'mdl-tally', 'aria-live': 'polite', text: 'nothing picked yet' });
  const stop = pickFrom(panel, spec.only || [], (keys) => {
    now = keys;
    tally.textContent = keys.length ? `picked: ${keys.join('; ')}` : 'nothing picked yet';
  });
  return { stop, node: el('div', { class: 'mdl-picker' }, tally, button('Check', 'Check', () => answer(now))) };
}

/**
 * The controls of a question, by its kind.
 * @param {Data} spec @param {HTMLElement} host @param {(given: any) => void} answer @param {(text: string) => void} tell
 * @returns {{node: HTMLElement, stop: () => void}}
 */
function askControls(spec, host, answer, tell) {
  if (spec.kind === 'pick') return askPick(spec, host, answer);
  const node = spec.kind === 'choose' ? askChoose(spec, answer) : askNumber(spec, answer, tell);
  return { node, stop: () => {} };
}
