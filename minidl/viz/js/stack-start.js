/**
 * Stack explorer, its frame: tabs, filter, and the tour that plays over it.
 */

/** @param {Stack} me @param {number} s show or hide a stage; the farthest one makes room */
function toggleStage(me, s) {
  me.ui.found.textContent = picking(me) ? 'pick a line, or Show me' : '';
  if (picking(me)) return;
  const rest = me.shown.filter((k) => k !== s);
  if (me.shown.includes(s)) showStages(me, rest.length ? rest : [s]);
  else showStages(me, [s, ...rest.sort((a, b) => Math.abs(a - s) - Math.abs(b - s))]);
  drawMarks(me);
}

/** @param {Stack} me */
function makeTabs(me) {
  return el('div', { class: 'mdl-tabs', role: 'group', 'aria-label': 'stages' }, ...me.data.stages.map((/** @type {Data} */ stage, /** @type {number} */ s) => {
    const [first] = stage.counts;
    return el('button', { type: 'button', class: 'mdl-tab', 'aria-pressed': 'false', 'data-tab': stage.name, onclick: () => toggleStage(me, s) },
      stage.title, el('span', { class: 'mdl-tab-count', text: first ? ` ${first[1]} ${first[0]}` : '' }), el('span', { class: 'mdl-tab-related' }));
  }));
}

/** @param {Stack} me @param {Data} frame one picture of the tour */
function tourScene(me, frame) {
  const { show, lines } = frame.view;
  const index = (/** @type {string} */ name) => me.data.stages.findIndex((/** @type {Data} */ s) => s.name === name);
  me.pinned = false;
  me.marked = new Set();
  me.own = new Set();
  for (const [name, numbers] of Object.entries(lines)) {
    for (const line of numbers) {
      idsOf(me, index(name), line).forEach((id) => me.marked.add(id));
      me.own.add(`${index(name)}.${line}`);
    }
  }
  me.pinned = me.own.size > 0;
  showStages(me, show.map(index));
  drawMarks(me);
  scrollToRelatives(me, -1);
  drawLinks(me);
}

/** @param {Stack} me while one column is asked about, the lines of the others are plain text */
function quietOthers(me) {
  if (!picking(me)) return;
  me.columns.forEach((column) => {
    if (column.classList.contains('mdl-picking')) return;
    column.querySelectorAll('.mdl-line').forEach((line) => ['role', 'aria-pressed', 'tabindex'].forEach((a) => line.removeAttribute(a)));
  });
}

/** @param {Stack} me the tour, played by the player over the same columns */
function makeTour(me) {
  const frames = decodeFrames(me.data.tour);
  if (!frames.length) return null;
  const { ui } = me;
  /** @type {Record<string, HTMLElement>} */
  const names = { body: ui.columns, root: me.root, caption: el('div', { 'aria-live': 'polite', 'aria-atomic': 'true' }), words: el('div', { class: 'mdl-words' }) };
  /** @type {any} */
  const tour = { root: me.root, data: me.data, frames, at: 0, timer: 0, answers: new Map(), nudged: -1, stop: () => {}, ui: names,
    scene: (/** @type {number} */ i) => tourScene(me, frames[i]), after: () => quietOthers(me) };
  names.say = el('div', { class: 'mdl-say' }, names.caption, names.words);
  names.strip = el('div');
  tour.below = el('div', { class: 'mdl-tour' }, names.say, makeControls(tour));
  return tour;
}

/** @param {Stack} me */
function listenToLines(me) {
  const { columns } = me.ui;
  columns.addEventListener('mouseover', (/** @type {Event} */ e) => {
    const at = lineAt(me, e);
    if (at && !me.pinned && !picking(me)) point(me, at.s, at.line);
  });
  columns.addEventListener('focusin', (/** @type {Event} */ e) => {
    const at = lineAt(me, e);
    if (!at || picking(me) || !at.node.matches(':focus-visible')) return;
    me.pinned = false;
    point(me, at.s, at.line);
    scrollToRelatives(me, at.s);
    drawLinks(me);
  });
  columns.addEventListener('click', (/** @type {Event} */ e) => {
    const at = lineAt(me, e);
    if (at && !picking(me)) pin(me, at.s, at.line);
  });
  columns.addEventListener('keydown', (/** @type {KeyboardEvent} */ e) => stackKeys(me, e));
}

/** @param {HTMLElement} root @param {Data} data */
function startStack(root, data) {
  const texts = data.stages.map((/** @type {Data} */ stage) => {
    const pre = root.querySelector(`pre[data-stage="${stage.name}"]`);
    return ((pre && pre.textContent) || '').split('\n');
  });
  /** @type {Stack} */
  const me = { root, data, texts, shown: [], columns: new Map(), pinned: false, marked: new Set(), own: new Set(), filter: '', ui: {} };
  me.ui.columns = el('div', { class: 'mdl-columns' });
  me.ui.links = svg('svg', { class: 'mdl-links', 'aria-hidden': 'true' });
  me.ui.found = el('span', { class: 'mdl-found', role: 'status' });
  me.ui.tabs = makeTabs(me);
  const tallest = Math.max(...texts.map((/** @type {string[]} */ t) => t.length));
  me.ui.columns.style.setProperty('--mdl-tall', String(Math.max(6, Math.min(20, tallest))));
  const filter = el('input', { type: 'search', class: 'mdl-input mdl-filter', placeholder: 'filter lines', 'aria-label': 'filter lines',
    oninput: (/** @type {Event} */ e) => { me.filter = /** @type {HTMLInputElement} */ (e.target).value; applyFilter(me); } });
  const wide = root.requestFullscreen ? button('Whole screen', 'whole screen', () => {
    if (document.fullscreenElement) document.exitFullscreen(); else root.requestFullscreen();
  }, { 'data-act': 'wide' }) : null;
  const tour = makeTour(me);
  root.replaceChildren(el('div', { class: 'mdl-head' }, el('div', { class: 'mdl-title' }, rich(data.title)), el('div', { class: 'mdl-tools' }, filter, me.ui.found, wide)),
    me.ui.tabs, me.ui.columns, tour ? tour.below : '');
  listenToLines(me);
  if (tour) startTour(me, tour);
  else { showStages(me, data.stages.map((/** @type {any} */ _, /** @type {number} */ i) => i)); drawMarks(me); }
  onWidth(root, () => {
    if (tour) { reserve(tour); if (me.shown.length !== Math.min(room(me), tour.frames[tour.at].view.show.length)) showFrame(tour, tour.at); }
    else if (me.shown.length !== Math.min(room(me), data.stages.length)) { showStages(me, data.stages.map((/** @type {any} */ _, /** @type {number} */ i) => i)); drawMarks(me); }
    drawLinks(me);
  });
}

/** @param {Stack} me @param {any} tour */
function startTour(me, tour) {
  me.root.setAttribute('tabindex', '0');
  me.root.addEventListener('keydown', (e) => playerKeys(tour, e));
  window.addEventListener('hashchange', () => followLink(tour));
  showFrame(tour, 0);
  followLink(tour);
}
