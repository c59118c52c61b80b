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
  scrollToRelatives(me, -1);
  drawLinks(me);
}

/** @param {Stack} me */
function makeTabs(me) {
  return el('div', { class: 'mdl-tabs', role: 'group', 'aria-label': 'stages' }, ...me.data.stages.map((/** @type {Data} */ stage, /** @type {number} */ s) => {
    const [first] = stage.counts;
    return el('button', { type: 'button', class: 'mdl-tab', 'aria-pressed': 'false', 'data-tab': stage.name, onclick: () => toggleStage(me, s) },
      stage.title, el('span', { class: 'mdl-tab-count', text: first ? ` ${first[1]} ${first[0].replace('instructions', 'instr.')}` : '' }), el('span', { class: 'mdl-tab-related' }));
  }));
}

/**
 * The stages of a frame of the tour; one alone gets company: of what came before, else of what comes
 * next, which stays hidden while a question is open.
 * @param {Stack} me @param {number[]} show @param {boolean} open whether a question waits
 */
function company(me, show, open) {
  const enough = me.piled ? 1 : document.fullscreenElement === me.root ? 3 : 2;
  const before = me.data.stages.map((/** @type {Data} */ _, /** @type {number} */ s) => s).filter((/** @type {number} */ s) => s < Math.min(...show)).reverse();
  const all = [...show, ...before.slice(0, Math.max(0, enough - show.length))];
  const next = Math.max(...show) + 1;
  if (all.length >= enough || next >= me.data.stages.length) return { all, ghost: undefined };
  return open ? { all, ghost: next } : { all: [...all, next], ghost: undefined };
}

/** @param {Stack} me @param {any} tour @param {number} i one picture of the tour */
function tourScene(me, tour, i) {
  const { show, lines } = tour.frames[i].view;
  const index = (/** @type {string} */ name) => me.data.stages.findIndex((/** @type {Data} */ s) => s.name === name);
  me.own = new Set(Object.entries(lines).flatMap(([name, numbers]) => numbers.map((/** @type {number} */ line) => `${index(name)}.${line}`)));
  me.pinned = me.own.size > 0;
  me.toured = true;
  me.untold = waiting(tour, i);
  const { all, ghost } = company(me, show.map(index), me.untold);
  showStages(me, all, ghost);
  drawMarks(me);
}

/** @param {Stack} me when the words below stand, the columns have their heights */
function settleTour(me) {
  scrollToRelatives(me, -1);
  drawLinks(me);
  quietOthers(me);
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
  const names = { body: ui.columns, scene: ui.scene, root: me.root, caption: el('div', { 'aria-live': 'polite', 'aria-atomic': 'true' }), words: el('div', { class: 'mdl-words' }) };
  /** @type {any} */
  const tour = { root: me.root, data: me.data, frames, at: 0, timer: 0, answers: new Map(), nudged: -1, stop: () => {}, ui: names,
    scene: (/** @type {number} */ i) => tourScene(me, tour, i), after: () => settleTour(me) };
  names.say = el('div', { class: 'mdl-say' }, names.caption, names.words);
  names.strip = el('div');
  ui.scene.append(names.say);
  tour.controls = makeControls(tour);
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
  const me = { root, data, texts, shown: [], columns: new Map(), loose: looseSets(data),
    pinned: false, toured: false, untold: false, own: new Set(), filter: '', piled: false, room: 2, ui: {} };
  me.ui.columns = el('div', { class: 'mdl-columns' });
  me.ui.scene = el('div', { class: 'mdl-scene' }, me.ui.columns);
  me.ui.links = svg('svg', { class: 'mdl-links', 'aria-hidden': 'true' });
  me.ui.found = el('span', { class: 'mdl-found', role: 'status' });
  me.ui.tabs = makeTabs(me);
  const tallest = Math.max(...texts.map((/** @type {string[]} */ t) => t.length));
  me.ui.scene.style.setProperty('--mdl-tall', String(Math.max(6, Math.min(16, tallest))));
  const filter = el('input', { type: 'search', class: 'mdl-input mdl-filter', placeholder: 'filter lines', 'aria-label': 'filter lines',
    oninput: (/** @type {Event} */ e) => { me.filter = /** @type {HTMLInputElement} */ (e.target).value; applyFilter(me); } });
  const wide = root.requestFullscreen ? button('Whole screen', 'whole screen', () => {
    if (document.fullscreenElement) document.exitFullscreen(); else root.requestFullscreen();
  }, { 'data-act': 'wide' }) : null;
  const tour = makeTour(me);
  root.replaceChildren(el('div', { class: 'mdl-head' }, el('div', { class: 'mdl-title' }, rich(data.title)), el('div', { class: 'mdl-tools' }, filter, me.ui.found, wide)),
    me.ui.tabs, me.ui.scene, tour ? tour.controls : '');
  listenToLines(me);
  fit(me);
  const all = data.stages.map((/** @type {any} */ _, /** @type {number} */ i) => i);
  const free = () => { showStages(me, all.slice(0, document.fullscreenElement === root ? 3 : 2)); drawMarks(me); };
  if (tour) startTour(me, tour); else free();
  let had = `${me.room} ${me.piled}`;
  const again = () => {
    fit(me);
    if (tour) reserve(tour);
    const has = `${me.room} ${me.piled} ${document.fullscreenElement === root ? 'whole' : ''}`.trim();
    if (has !== had) { had = has; if (tour) showFrame(tour, tour.at); else free(); }
    drawLinks(me);
  };
  onWidth(root, again);
  root.addEventListener('fullscreenchange', again);
}

/** @param {Stack} me @param {any} tour */
function startTour(me, tour) {
  me.root.setAttribute('tabindex', '0');
  me.root.addEventListener('keydown', (e) => playerKeys(tour, e));
  window.addEventListener('hashchange', () => followLink(tour));
  showFrame(tour, 0);
  followLink(tour);
}
