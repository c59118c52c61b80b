/**
 * Stack explorer: one column a stage, lines tied by the ids they share.
 * Pointing marks the relatives everywhere, clicking pins, a tour plays over it.
 */

/**
 * @typedef {{root: HTMLElement, data: Data, texts: string[][], shown: number[], columns: Map<number, HTMLElement>,
 *   pinned: boolean, marked: Set<number>, own: Set<string>, filter: string, ui: Record<string, any>}} Stack
 */

/** @param {Stack} me @param {number} stage @param {number} line @returns {number[]} ids of a line, counted from 1 */
function idsOf(me, stage, line) {
  return me.data.sets[me.data.stages[stage].ids[line - 1]];
}

/** @param {Stack} me @param {number} stage @returns {number[]} lines that share an id with what is marked */
function relatives(me, stage) {
  const hit = me.data.sets.map((/** @type {number[]} */ set) => set.some((id) => me.marked.has(id)));
  return me.data.stages[stage].ids.flatMap((/** @type {number} */ set, /** @type {number} */ i) => (hit[set] ? [i + 1] : []));
}

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
  return el('div', { class: 'mdl-column mdl-panel-code', 'data-stage': stage.name, 'data-panel': stage.title, role: 'group', 'aria-label': stage.title },
    el('div', { class: 'mdl-panel-head' }, el('span', { class: 'mdl-panel-title', text: stage.title }), el('span', { class: 'mdl-corner', text: counts })), body);
}

/** @param {Stack} me whether a question asks for lines just now */
function picking(me) {
  return !!me.ui.columns.querySelector('.mdl-picking');
}

/** @param {Stack} me how many columns fit */
function room(me) {
  const width = me.root.clientWidth || 720;
  return width >= 860 ? 3 : width >= 480 ? 2 : 1;
}

/** @param {Stack} me @param {number[]} want stages in the order of wish; the first that fit are shown */
function showStages(me, want) {
  me.shown = want.slice(0, room(me)).sort((a, b) => a - b);
  me.columns = new Map(me.shown.map((s) => [s, makeColumn(me, s)]));
  me.ui.columns.replaceChildren(...me.columns.values(), me.ui.links);
  me.ui.columns.style.setProperty('--mdl-columns', String(me.shown.length));
  me.columns.forEach((column) => column.querySelector('.mdl-lines')?.addEventListener('scroll', () => drawLinks(me)));
  applyFilter(me);
}

/** @param {Stack} me marks on tabs and lines, then the links */
function drawMarks(me) {
  me.data.stages.forEach((/** @type {Data} */ stage, /** @type {number} */ s) => {
    const related = new Set(me.marked.size ? relatives(me, s) : []);
    me.ui.tabs.children[s].querySelector('.mdl-tab-related').textContent = related.size ? ` ↔ ${related.size}` : '';
    me.ui.tabs.children[s].setAttribute('aria-pressed', String(me.shown.includes(s)));
    const column = me.columns.get(s);
    if (!column) return;
    column.querySelectorAll('.mdl-line').forEach((line) => {
      const no = Number(line.getAttribute('data-key'));
      const own = me.own.has(`${s}.${no}`);
      line.classList.toggle('mdl-cur', own);
      line.classList.toggle('mdl-rel', related.has(no) && !own);
      if (!picking(me)) line.setAttribute('aria-pressed', String(own && me.pinned));
      const sign = line.querySelector('.mdl-sign');
      if (sign) sign.textContent = own ? '▶' : related.has(no) ? '↔' : '';
    });
  });
  drawLinks(me);
}

/** @param {Element} column @param {DOMRect} frame @returns {Array<[number, number]>} runs of marked lines, as heights inside the picture */
function markedRuns(column, frame) {
  const box = /** @type {Element} */ (column.querySelector('.mdl-lines')).getBoundingClientRect();
  /** @type {Array<[number, number]>} */
  const runs = [];
  let open = false;
  column.querySelectorAll('.mdl-line').forEach((line) => {
    const hit = line.classList.contains('mdl-cur') || line.classList.contains('mdl-rel');
    const at = line.getBoundingClientRect();
    if (hit && at.height && at.bottom > box.top + 1 && at.top < box.bottom - 1) {
      const [top, bottom] = [Math.max(at.top, box.top) - frame.top, Math.min(at.bottom, box.bottom) - frame.top];
      if (open) runs[runs.length - 1][1] = bottom; else runs.push([top, bottom]);
      open = true;
    } else if (at.height) open = false;
  });
  return runs;
}

/** @param {Stack} me bands between neighbouring columns */
function drawLinks(me) {
  const frame = me.ui.columns.getBoundingClientRect();
  const list = [...me.columns.values()];
  const paths = [];
  for (let i = 0; i + 1 < list.length; i += 1) {
    const x0 = list[i].getBoundingClientRect().right - frame.left;
    const x1 = list[i + 1].getBoundingClientRect().left - frame.left;
    const mid = (x0 + x1) / 2;
    for (const [a0, a1] of markedRuns(list[i], frame)) {
      for (const [b0, b1] of markedRuns(list[i + 1], frame)) {
        paths.push(svg('path', { d: `M${x0},${a0}C${mid},${a0} ${mid},${b0} ${x1},${b0}L${x1},${b1}C${mid},${b1} ${mid},${a1} ${x0},${a1}Z` }));
      }
    }
  }
  me.ui.links.replaceChildren(...paths);
}

/** @param {Stack} me @param {number} from the column that stays where it is */
function scrollToRelatives(me, from) {
  me.columns.forEach((column, s) => {
    const box = /** @type {HTMLElement} */ (column.querySelector('.mdl-lines'));
    const line = /** @type {HTMLElement|null} */ (column.querySelector('.mdl-cur, .mdl-rel'));
    if (s === from || !line) return;
    const [a, b] = [line.getBoundingClientRect(), box.getBoundingClientRect()];
    if (a.top < b.top || a.bottom > b.bottom) box.scrollTop += a.top - b.top - box.clientHeight / 3;
  });
}

/** @param {Stack} me @param {number} s @param {number} line */
function point(me, s, line) {
  me.marked = new Set(idsOf(me, s, line));
  me.own = new Set([`${s}.${line}`]);
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
    return to ? /** @type {HTMLElement} */ (to.querySelector('.mdl-rel') || to.querySelector('.mdl-line:not(.mdl-filtered)')) : null;
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
