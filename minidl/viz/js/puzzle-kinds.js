/**
 * Puzzle, the kinds that are no plain question: order, fill, build.
 */

/** @param {number[]} at @param {number[]} sizes @returns {number} place in a table of all answers */
function mixed(at, sizes) {
  return at.reduce((sum, digit, i) => sum * sizes[i] + digit, 0);
}

/** @param {Puzzle} me @returns {HTMLElement} */
function orderControls(me) {
  const { spec } = me;
  /** @type {number[]} */
  const now = spec.items.map((/** @type {string} */ _, /** @type {number} */ i) => i);
  const list = el('ol', { class: 'mdl-order' });
  /** @param {number} place @param {number} by */
  const move = (place, by) => {
    const to = place + by;
    if (to < 0 || to >= now.length) return;
    [now[place], now[to]] = [now[to], now[place]];
    draw();
    const row = list.children[to];
    const same = /** @type {HTMLElement} */ (row.querySelector(by < 0 ? '[data-move="up"]' : '[data-move="down"]'));
    same.focus();
  };
  const draw = () => list.replaceChildren(...now.map((item, place) => el('li', { 'data-item': item },
    codeLine(spec.items[item], spec.lang),
    el('span', { class: 'mdl-moves' }, button(`move line ${place + 1} up`, '↑', () => move(place, -1), { 'data-move': 'up' }),
      button(`move line ${place + 1} down`, '↓', () => move(place, 1), { 'data-move': 'down' })))));
  draw();
  const check = () => {
    const broken = spec.needs.find((/** @type {number[]} */ [a, b]) => now.indexOf(a) < now.indexOf(b));
    if (!broken) { answerPuzzle(me, true, spec.right); return; }
    const own = spec.replies.find((/** @type {any[]} */ r) => r[0] === broken[0] && r[1] === broken[1]);
    answerPuzzle(me, false, own ? own[2] : `\`${spec.items[broken[0]]}\` needs \`${spec.items[broken[1]]}\` before it.`);
  };
  return el('div', {}, list, button('Check', 'Check', check, { 'data-act': 'check' }));
}

/** @param {string} label @param {string[]} options @param {string} empty @param {() => void} change */
function chooser(label, options, empty, change) {
  return /** @type {HTMLSelectElement} */ (el('select', { class: 'mdl-select', 'aria-label': label, onchange: change },
    empty ? el('option', { value: '', text: empty }) : null,
    ...options.map((text, i) => el('option', { value: i, text }))));
}

/** @param {Puzzle} me @returns {HTMLElement} */
function fillControls(me) {
  const { spec } = me;
  const blanks = spec.parts.slice(1).map((/** @type {string} */ _, /** @type {number} */ i) => chooser(`blank ${i + 1}`, spec.bank, '……', () => {}));
  const text = el('div', { class: 'mdl-fill' });
  spec.parts.forEach((/** @type {string} */ part, /** @type {number} */ i) => {
    if (i) text.append(blanks[i - 1]);
    text.append(part);
  });
  const check = () => {
    const at = blanks.map((/** @type {HTMLSelectElement} */ b) => (b.value === '' ? -1 : Number(b.value)));
    if (at.includes(-1)) { me.ui.reply.textContent = `Blank ${at.indexOf(-1) + 1} is still empty.`; return; }
    const place = mixed(at, at.map(() => spec.bank.length));
    if (spec.accept.includes(place)) { answerPuzzle(me, true, spec.right); return; }
    const own = spec.replies.find((/** @type {any[]} */ r) => at[r[0]] === r[1]);
    answerPuzzle(me, false, own ? own[2] : (spec.otherwise || 'The engine rejects this one.'));
  };
  return el('div', {}, text, button('Check', 'Check', check, { 'data-act': 'check' }));
}

/** @param {Puzzle} me @returns {HTMLElement} */
function buildControls(me) {
  const { spec } = me;
  const goal = `goal: at ${spec.goal === 'least' ? 'most' : 'least'} ${spec.target} ${spec.unit} · best possible: ${spec.best} ${spec.unit}`;
  const log = el('ol', { class: 'mdl-log', 'aria-label': 'what you tried' });
  const pickers = spec.choices.map((/** @type {Data} */ c) => chooser(c.label, c.options, '', () => {}));
  const rows = spec.choices.map((/** @type {Data} */ c, /** @type {number} */ i) => el('label', { class: 'mdl-choice' }, el('span', {}, rich(c.label)), pickers[i]));
  const check = () => {
    const at = pickers.map((/** @type {HTMLSelectElement} */ p) => Number(p.value));
    const place = mixed(at, spec.choices.map((/** @type {Data} */ c) => c.options.length));
    const value = spec.values[place];
    const note = spec.notes[spec.note_of[place]] || '';
    const words = at.map((/** @type {number} */ d, /** @type {number} */ i) => spec.choices[i].options[d]).join(', ');
    log.append(el('li', { text: `${words}: ${value === null ? 'not allowed' : `${value} ${spec.unit}`}` }));
    if (value === null) { answerPuzzle(me, false, note || 'The engine refuses this choice.'); return; }
    const ok = spec.goal === 'least' ? value <= spec.target : value >= spec.target;
    const best = value === spec.best ? 'Nothing does better.' : `The best possible is ${spec.best} ${spec.unit}.`;
    answerPuzzle(me, ok, `${value} ${spec.unit}. ${note} ${ok ? `${best} ${spec.right}` : `The goal is ${spec.target} ${spec.unit}.`}`);
  };
  return el('div', {}, el('p', { class: 'mdl-goal', text: goal }), el('div', { class: 'mdl-choices' }, ...rows),
    button('Measure', 'Measure', check, { 'data-act': 'check' }), log);
}
