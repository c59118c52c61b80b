/**
 * Puzzle: the reader's move.  Every answer was judged by the engine beforehand;
 * each likely wrong one has its own reply.  Nothing is ever locked.
 */

/**
 * @typedef {{root: HTMLElement, data: Data, spec: Data, which: number, tries: number,
 *   ui: Record<string, HTMLElement>, stop: () => void}} Puzzle
 */

/** @param {Puzzle} me @param {boolean} ok @param {string} reply */
function answerPuzzle(me, ok, reply) {
  me.tries += 1;
  me.ui.reply.className = `mdl-reply ${ok ? 'mdl-right-answer' : 'mdl-wrong-answer'}`;
  me.ui.reply.replaceChildren(el('strong', { text: ok ? '✓ Right. ' : '✗ Not yet. ' }), rich(reply || ''));
  me.root.setAttribute('data-verdict', ok ? 'right' : 'wrong');
  if (!ok) return;
  store.set(`solved.${me.data.name}`, '1');
  showSolved(me);
}

/** @param {Puzzle} me */
function showSolved(me) {
  const solved = store.get(`solved.${me.data.name}`) === '1';
  me.root.toggleAttribute('data-solved', solved);
  me.ui.badge.textContent = solved ? '✓ solved' : '';
}

/** @param {Puzzle} me */
function puzzleControls(me) {
  const { spec } = me;
  if (me.data.puzzle === 'order') return orderControls(me);
  if (me.data.puzzle === 'fill') return fillControls(me);
  if (me.data.puzzle === 'build') return buildControls(me);
  const tell = (/** @type {string} */ text) => { me.ui.reply.className = 'mdl-reply'; me.ui.reply.textContent = text; };
  const made = askControls(spec, me.ui.body, (given) => {
    const { ok, reply } = judge(spec, given);
    answerPuzzle(me, ok, reply);
  }, tell);
  me.stop = made.stop;
  return made.node;
}

/** @param {Puzzle} me @param {number} which variant */
function showVariant(me, which) {
  me.stop();
  me.stop = () => {};
  me.which = which;
  me.spec = me.data.variants[which];
  me.ui.question.replaceChildren(rich(me.spec.question));
  me.ui.body.replaceChildren(me.spec.panels.length ? drawStage(me.spec.panels, []) : '');
  me.ui.reply.className = 'mdl-reply';
  me.ui.reply.textContent = '';
  me.ui.controls.replaceChildren(puzzleControls(me));
  me.ui.hints.replaceChildren(...makeHints(me));
  me.root.removeAttribute('data-verdict');
  me.root.setAttribute('data-variant', String(which));
  settle(me.ui.body);
}

const LAYERS = ['Hint: a nudge', 'Hint: the plan', 'Hint: the full answer'];

/** @param {Puzzle} me hints in layers: nudge, plan, full */
function makeHints(me) {
  const shown = el('ol', { class: 'mdl-hint-list', 'aria-live': 'polite' });
  const { hints } = me.spec;
  let next = 0;
  const ask = button(LAYERS[0], LAYERS[0], () => {
    if (next >= hints.length) return;
    shown.append(el('li', {}, el('strong', { text: `${LAYERS[next].replace('Hint: ', '')}: ` }), rich(hints[next])));
    next += 1;
    ask.textContent = next < hints.length ? LAYERS[next] : 'no more hints';
    if (next >= hints.length) ask.setAttribute('aria-disabled', 'true');
  }, { 'data-act': 'hint' });
  const more = me.data.variants.length > 1
    ? button('Another one', 'Another one', () => showVariant(me, (me.which + 1) % me.data.variants.length), { 'data-act': 'another' }) : null;
  return [el('div', { class: 'mdl-hint-row' }, ask, more), shown];
}

/** @param {HTMLElement} root @param {Data} data */
function startPuzzle(root, data) {
  /** @type {Puzzle} */
  const me = { root, data, spec: data.variants[0], which: 0, tries: 0, ui: {}, stop: () => {} };
  const { ui } = me;
  ui.badge = el('span', { class: 'mdl-badge' });
  ui.question = el('p', { class: 'mdl-question' });
  ui.body = el('div', { class: 'mdl-body' });
  ui.controls = el('div', { class: 'mdl-answer' });
  ui.reply = el('p', { class: 'mdl-reply', role: 'status' });
  ui.hints = el('div', { class: 'mdl-hints' });
  root.replaceChildren(el('div', { class: 'mdl-head' }, el('div', { class: 'mdl-title' }, el('span', { class: 'mdl-ask-mark', 'aria-hidden': 'true', text: '? ' }), rich(data.title)), ui.badge),
    ui.question, ui.body, ui.controls, ui.reply, ui.hints);
  showVariant(me, 0);
  showSolved(me);
}
