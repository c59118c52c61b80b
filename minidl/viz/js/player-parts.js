/**
 * Player, its parts: the strip, the slider with ticks, the controls, the reserved space.
 */

/** @param {Player} me the whole run at once: a column a frame, its height the overview's number */
function makeStrip(me) {
  const heights = me.data.overview || me.frames.map(() => 1);
  const top = Math.max(...heights, 1e-9);
  return el('div', { class: 'mdl-strip', 'aria-hidden': 'true' }, ...me.frames.map((frame, i) => el('div', {
    class: `mdl-tick ${frame.milestone ? 'mdl-tick-mile' : ''} ${frame.ask ? 'mdl-tick-ask' : ''}`,
    title: `${i + 1}. ${frame.milestone || frame.title || ''}`, onclick: () => showFrame(me, i),
  }, el('span', { style: `height:${Math.max(8, (100 * heights[i]) / top)}%` }))));
}

/** @param {Player} me */
function makeSlider(me) {
  const n = me.frames.length;
  const slider = el('input', { type: 'range', min: 1, max: n, step: 1, value: 1, class: 'mdl-slider', 'aria-label': 'frame',
    oninput: (/** @type {Event} */ e) => { pause(me); showFrame(me, Number(/** @type {HTMLInputElement} */ (e.target).value) - 1); } });
  const marks = me.frames.map((frame, i) => (frame.milestone ? el('span', { class: 'mdl-mile', title: frame.milestone,
    style: `left:${n > 1 ? (100 * i) / (n - 1) : 0}%`, onclick: () => showFrame(me, i) }) : null));
  me.ui.slider = slider;
  return el('div', { class: 'mdl-slide' }, slider, el('div', { class: 'mdl-miles', 'aria-hidden': 'true' }, ...marks));
}

/** @param {Player} me "next branch", "next barrier": jumps a long run offers */
function makeJumps(me) {
  const tags = [...new Set(me.frames.flatMap((f) => f.tags || []))];
  if (!tags.length) return null;
  const jump = (/** @type {string} */ tag) => () => {
    const found = me.frames.findIndex((f, i) => i > me.at && (f.tags || []).includes(tag));
    if (found >= 0) showFrame(me, found);
    else me.ui.status.textContent = `no further ${tag}`;
  };
  return el('span', { class: 'mdl-jumps' }, el('span', { text: 'next ' }), ...tags.map((tag) => button(`next ${tag}`, tag, jump(tag))));
}

/** @param {Player} me */
function makeControls(me) {
  const { ui } = me;
  const quiet = (/** @type {() => void} */ act) => () => { pause(me); act(); };
  ui.first = button('First', '⏮', quiet(() => showFrame(me, 0)), { 'data-act': 'first' });
  ui.back = button('Back', '◀', quiet(() => showFrame(me, me.at - 1)), { 'data-act': 'back' });
  ui.play = button('Play', '▶', () => playOrPause(me), { 'data-act': 'play', class: 'mdl-button mdl-play' });
  ui.next = button('Next', '▶', quiet(() => stepOn(me)), { 'data-act': 'next' });
  ui.last = button('Last', '⏭', quiet(() => showFrame(me, me.frames.length - 1)), { 'data-act': 'last' });
  ui.first.textContent = '|◂'; ui.back.textContent = '◂'; ui.next.textContent = '▸'; ui.last.textContent = '▸|';
  ui.count = el('span', { class: 'mdl-count' });
  ui.status = el('span', { class: 'mdl-status', role: 'status' });
  const copy = button('Copy a link to this frame', '🔗', () => copyLink(me.data.name, me.at + 1, ui.status), { 'data-act': 'link' });
  copy.textContent = 'link';
  return el('div', { class: 'mdl-controls' }, el('span', { class: 'mdl-transport' }, ui.first, ui.back, ui.play, ui.next, ui.last),
    makeSlider(me), ui.count, copy, makeJumps(me), ui.status);
}

/** @param {HTMLElement} node @returns {number} whole pixels that hold it */
function tallness(node) {
  return Math.ceil(node.getBoundingClientRect().height);
}

/** @param {Player} me @param {number} i what stands below the pictures, at its tallest; over a scene a question takes its room from there */
function largest(me, i) {
  return me.scene ? el('div', {}, drawCaption(me.frames[i]), drawWhy(me.frames[i].why)) : drawWords(me, i, true);
}

/** @param {Player} me space for the largest frame, so that nothing jumps */
function reserve(me) {
  const width = me.root.clientWidth;
  if (!width) return;
  const probe = el('div', { class: 'mdl-measure', 'aria-hidden': 'true' });
  me.root.append(probe);
  let [tall, stage, both] = [0, 0, 0];
  const every = Math.max(1, Math.ceil(me.frames.length / 80));
  for (let i = 0; i < me.frames.length; i += every) {
    const words = largest(me, i);
    const body = me.scene ? el('div') : drawBody(me, i);
    probe.replaceChildren(body, words);
    tall = Math.max(tall, tallness(words));
    stage = Math.max(stage, tallness(body));
    both = Math.max(both, tallness(words) + tallness(body));
  }
  probe.remove();
  if (me.scene) { me.ui.scene.style.setProperty('--mdl-said', `${tall}px`); return; }
  const small = window.innerWidth < 720;  // there the words follow the picture, and what is left lies below both
  me.ui.body.style.minHeight = small ? '' : `${stage}px`;
  me.ui.say.style.minHeight = small ? '' : `${tall}px`;
  me.ui.room.style.minHeight = small ? `calc(${both}px + 1.3rem)` : '';
}

/** @param {HTMLElement} root @param {() => void} act whenever the width changes, once at rest */
function onWidth(root, act) {
  let [last, timer] = [0, 0];
  if (!window.ResizeObserver) { act(); return; }
  new ResizeObserver(() => {
    if (root.clientWidth === last) return;
    last = root.clientWidth;
    window.clearTimeout(timer);
    timer = window.setTimeout(act, 60);
  }).observe(root);
}

/** @param {Player} me whether a link named a frame of this player */
function followLink(me) {
  const place = linked();
  if (!place || place.name !== me.data.name) return;
  showFrame(me, place.frame - 1);
  me.root.scrollIntoView({ behavior: calm() ? 'auto' : 'smooth', block: me.root.offsetHeight > window.innerHeight ? 'start' : 'center' });
}

const LEGEND = [['cur', '▶', 'current'], ['chg', '•', 'changed'], ['ref', '=', 'expected'], ['differs', '', 'differs from the other']];

/** @param {Data[]} frames only the roles that this run uses */
function makeLegend(frames) {
  const text = JSON.stringify(frames);
  const used = LEGEND.filter(([role]) => (role === 'ref' ? /"reference":\["?\d|"role":"ref"|"ref":"/.test(text)
    : role !== 'differs' || text.includes('"sides"')));
  return el('div', { class: 'mdl-legend' }, ...used.map(([role, sign, word]) => el('span', {},
    el('span', { class: `mdl-swatch mdl-${role}`, 'aria-hidden': 'true', text: sign }), word)));
}

/** @param {HTMLElement} root @param {Data} data */
function startPlayer(root, data) {
  /** @type {Player} */
  const me = { root, data, frames: decodeFrames(data.frames), at: 0, timer: 0, answers: new Map(), nudged: -1, stop: () => {}, ui: {} };
  const { ui } = me;
  ui.root = root;
  ui.body = el('div', { class: 'mdl-body' });
  ui.caption = el('div', { 'aria-live': 'polite', 'aria-atomic': 'true' });
  ui.words = el('div', { class: 'mdl-words' });
  ui.say = el('div', { class: 'mdl-say' }, ui.caption, ui.words);
  ui.strip = makeStrip(me);
  const head = el('div', { class: 'mdl-head' }, el('div', { class: 'mdl-title' }, rich(data.title)), makeLegend(me.frames));
  ui.room = el('div', { class: 'mdl-room' }, ui.body, ui.say);
  root.replaceChildren(head, ui.strip, ui.room, makeControls(me));
  root.setAttribute('tabindex', '0');
  root.addEventListener('keydown', (e) => playerKeys(me, e));
  window.addEventListener('hashchange', () => followLink(me));
  showFrame(me, 0);
  followLink(me);
  onWidth(root, () => { reserve(me); });
}
