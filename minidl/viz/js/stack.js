/**
 * Stack explorer: one column a stage, lines tied by the ids they share.
 * Pointing marks the relatives everywhere, clicking pins, a tour plays over it.
 */

/**
 * @typedef {{root: HTMLElement, data: Data, texts: string[][], shown: number[], columns: Map<number, HTMLElement>, loose: Array<Set<number>>,
 *   pinned: boolean, toured: boolean, untold: boolean, own: Set<string>, filter: string, piled: boolean, room: number, ui: Record<string, any>}} Stack
 */

/** @param {Stack} me @param {number} s */
function makeColumn(me, s) {
  const stage = me.data.stages[s];
  const body = drawCode({ lines: me.texts[s], lang: stage.lang, start: 1, current: [], changed: [], reference: [] }, null);
  body.querySelectorAll('.mdl-line').forEach((line, i) => {
    line.setAttribute('role', 'button');
    line.setAttribute('tabindex', i ? '-1' : '0');
    line.setAttribute('aria-pressed', 'false');
  });
  const counts = stage.counts.map((/** @type {string[]} */ [k, v]) => `${v} ${k}`).join(' · ');
  const long = me.texts[s].length > 400 ? ' mdl-long' : '';
  return el('div', { class: `mdl-column mdl-panel-code${long}`, 'data-stage': stage.name, 'data-panel': stage.title, role: 'group', 'aria-label': stage.title,
    style: `--mdl-few:${Math.min(5, me.texts[s].length)}` },
    el('div', { class: 'mdl-panel-head' }, el('span', { class: 'mdl-panel-title', text: stage.title }), el('span', { class: 'mdl-corner', text: counts })), body);
}

/** @param {Stack} me whether a question asks for lines just now */
function picking(me) {
  return !!me.ui.columns.querySelector('.mdl-picking');
}

/** @param {Stack} me how many columns fit, and whether they stand one above the other */
function fit(me) {
  const width = me.root.clientWidth || 720;
  me.piled = window.innerWidth < 720 || width < 480;
  me.room = me.piled || width < 860 ? 2 : 3;
  me.ui.scene.classList.toggle('mdl-piled', me.piled);
}

/** @param {Stack} me @param {number} s whether the tour names lines of this stage */
function named(me, s) {
  return [...me.own].some((key) => key.startsWith(`${s}.`));
}

/** @param {Stack} me @param {number[]} want stages in the order of wish; the first that fit are shown @param {number} [ghost] a stage not told yet */
function showStages(me, want, ghost) {
  me.shown = want.slice(0, me.room).sort((a, b) => a - b);
  if (me.piled && me.toured) me.shown.sort((a, b) => Number(named(me, b)) - Number(named(me, a)));
  me.columns = new Map(me.shown.map((s) => [s, makeColumn(me, s)]));
  const hidden = ghost === undefined ? [] : [makeGhost(me.data.stages[ghost].title)];
  me.ui.columns.replaceChildren(...me.columns.values(), ...hidden, me.ui.links);
  me.ui.columns.style.gridTemplateColumns = [...me.shown, ...hidden].map((s) => `minmax(0, ${typeof s === 'number' ? breadth(me.texts[s], me.shown.length > 2) : 44}fr)`).join(' ');
  me.columns.forEach((column) => column.querySelector('.mdl-lines')?.addEventListener('scroll', () => drawLinks(me)));
  me.ui.columns.classList.toggle('mdl-three', me.shown.length > 2);
  const first = /** @type {HTMLElement} */ (me.ui.tabs.children[Math.min(...me.shown)]);
  me.ui.tabs.scrollLeft = first.offsetLeft - me.ui.tabs.offsetLeft;
  applyFilter(me);
}

/** @param {string[]} lines @param {boolean} three @returns {number} a column's share of the width, by its longest line */
function breadth(lines, three) {
  const longest = lines.reduce((most, line) => Math.max(most, line.length), 0);
  return Math.max(three ? 50 : 40, Math.min(56, longest + 4));
}

/** @param {string} title a column whose text would answer the question */
function makeGhost(title) {
  return el('div', { class: 'mdl-column mdl-ghost' }, el('div', { class: 'mdl-panel-head' }, el('span', { class: 'mdl-panel-title', text: title })),
    el('div', { class: 'mdl-lines', text: 'comes after the question' }));
}

/** @param {Stack} me marks on tabs and lines, then the links */
function drawMarks(me) {
  const asking = picking(me);
  me.data.stages.forEach((/** @type {Data} */ stage, /** @type {number} */ s) => {
    const { near, far } = relatives(me, s);
    const tab = me.ui.tabs.children[s];
    tab.querySelector('.mdl-tab-related').textContent = near.size ? ` ↔ ${near.size}` : '';
    tab.setAttribute('aria-pressed', String(me.shown.includes(s)));
    tab.classList.toggle('mdl-untold', me.untold && !me.shown.includes(s));
    const column = me.columns.get(s);
    if (!column) return;
    column.querySelectorAll('.mdl-line').forEach((line) => {
      const no = Number(line.getAttribute('data-key'));
      const own = me.own.has(`${s}.${no}`);
      const role = own ? 'cur' : near.has(no) ? 'rel' : far.has(no) ? 'far' : '';
      ['cur', 'rel', 'far'].forEach((name) => line.classList.toggle(`mdl-${name}`, role === name));
      if (!asking) line.setAttribute('aria-pressed', String(own && me.pinned));
      const sign = line.firstElementChild; // of drawCode
      if (sign) sign.textContent = { cur: '▶', rel: '↔', far: '', '': '' }[role];
    });
  });
  drawLinks(me);
}

/** @param {Stack} me @param {number} from the column that stays where it is; of the others the marked lines come into view */
function scrollToRelatives(me, from) {
  me.columns.forEach((column, s) => {
    const box = /** @type {HTMLElement} */ (column.querySelector('.mdl-lines'));
    const own = column.querySelectorAll('.mdl-cur');
    const places = [...(own.length ? own : column.querySelectorAll('.mdl-rel'))].map((line) => line.getBoundingClientRect()).filter((at) => at.height);
    if (s === from || !places.length) return;
    const view = box.getBoundingClientRect();
    const top = places[0].top;
    const bottom = places.filter((at) => at.bottom - top <= box.clientHeight).reduce((low, at) => Math.max(low, at.bottom), places[0].bottom);
    if (top < view.top || bottom > view.bottom) box.scrollTop += (top + bottom) / 2 - (view.top + view.bottom) / 2;
  });
}

/** @param {Stack} me @param {number} s @param {number} line */
function point(me, s, line) {
  me.own = new Set([`${s}.${line}`]);
  me.toured = false;
  drawMarks(me);
}

/** @param {Stack} me */
function applyFilter(me) {
  const want = me.filter.toLowerCase();
  let found = 0;
  me.columns.forEach((column, s) => column.querySelectorAll('.mdl-line').forEach((line, i) => {
    const keep = !want || me.texts[s][i].toLowerCase().includes(want);
    line.classList.toggle('mdl-filtered', !keep);
    if (keep && want) found += 1;
  }));
  me.ui.found.textContent = want ? `${found} line${found === 1 ? '' : 's'}` : '';
  drawLinks(me);
}

/** @param {Stack} me @param {Event} e @returns {{s: number, line: number, node: HTMLElement}|null} */
function lineAt(me, e) {
  const node = /** @type {HTMLElement|null} */ (/** @type {Element} */ (e.target).closest('.mdl-line'));
  if (!node) return null;
  const s = [...me.columns.entries()].find(([, column]) => column.contains(node));
  return s ? { s: s[0], line: Number(node.getAttribute('data-key')), node } : null;
}

/** @param {HTMLElement} from @param {HTMLElement} to */
function rove(from, to) {
  from.setAttribute('tabindex', '-1');
  to.setAttribute('tabindex', '0');
  to.focus();
}

/** @param {Stack} me @param {HTMLElement} node @param {number} by the next line that the filter left */
function neighbour(me, node, by) {
  /** @param {Element} from */
  const next = (from) => /** @type {HTMLElement|null} */ (by > 0 ? from.nextElementSibling : from.previousElementSibling);
  let to = next(node);
  while (to && to.classList.contains('mdl-filtered')) to = next(to);
  return to;
}

/** @param {Stack} me @param {KeyboardEvent} e */
function stackKeys(me, e) {
  const at = lineAt(me, e);
  if (!at || e.shiftKey || picking(me)) return;
  const beside = () => {
    const list = [...me.columns.values()];
    const to = list[list.findIndex((c) => c.contains(at.node)) + (e.key === 'ArrowRight' ? 1 : -1)];
    return to ? /** @type {HTMLElement} */ (to.querySelector('.mdl-cur, .mdl-rel') || to.querySelector('.mdl-line:not(.mdl-filtered)')) : null;
  };
  if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
    const to = neighbour(me, at.node, e.key === 'ArrowDown' ? 1 : -1);
    if (to) rove(at.node, to);
  } else if (e.key === 'ArrowLeft' || e.key === 'ArrowRight') {
    const to = beside();
    if (to) rove(to.parentElement?.querySelector('[tabindex="0"]') || to, to);
  } else if (e.key === 'Enter' || e.key === ' ') pin(me, at.s, at.line);
  else if (e.key === 'Escape') { me.pinned = false; drawMarks(me); } else return;
  e.preventDefault();
  e.stopPropagation();
}

/** @param {Stack} me @param {number} s @param {number} line */
function pin(me, s, line) {
  const again = me.pinned && me.own.has(`${s}.${line}`);
  me.pinned = !again;
  point(me, s, line);
  scrollToRelatives(me, s);
  drawLinks(me);
}
