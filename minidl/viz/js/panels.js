/**
 * One door to all panels, and where they stand.
 */

/** @type {Record<string, (panel: Data, prev: Data|null, ctx: Data) => HTMLElement>} */
const drawers = {
  code: drawCode, grid: drawGrid, table: drawTable, graph: drawGraph,
  timeline: drawTimeline, bars: drawBars, text: drawText, nest: drawNest,
};

/** @param {Data} panel what stands at the corner of a grid */
function corner(panel) {
  return panel.kind === 'grid' ? `${panel.dtype} [${panel.shape.join(', ')}]` : (panel.note || '');
}

/**
 * @param {Data} panel @param {Data|null} prev the same panel a frame before @param {Data} [ctx]
 * @returns {HTMLElement}
 */
function drawPanel(panel, prev, ctx) {
  const body = drawers[panel.kind](panel, prev, ctx || {});
  const head = panel.title || corner(panel)
    ? el('div', { class: 'mdl-panel-head' }, el('span', { class: 'mdl-panel-title' }, rich(panel.title)),
      el('span', { class: 'mdl-corner', text: corner(panel) })) : null;
  return el('div', { class: `mdl-panel mdl-panel-${panel.kind}`, 'data-panel': panel.title || panel.kind,
    role: 'group', 'aria-label': panel.title || panel.kind }, head, body);
}

/** @param {Data} panel @param {Data[]} before */
function samePanel(panel, before) {
  return before.find((old) => old.kind === panel.kind && old.title === panel.title) || null;
}

/**
 * Code at the left, state at the right; a panel can ask for the whole width, above or below.
 * @param {Data[]} list @param {Data[]} before panels of the frame before
 * @param {Data[]} [others] panels of the other run, whose differences are marked
 * @returns {HTMLElement}
 */
function drawStage(list, before, others) {
  const drawn = list.map((panel) => drawPanel(panel, samePanel(panel, before),
    { other: others ? samePanel(panel, others) : null }));
  const left = el('div', { class: 'mdl-left' });
  const right = el('div', { class: 'mdl-right' });
  const above = el('div', { class: 'mdl-across' });
  const wide = el('div', { class: 'mdl-across' });
  list.forEach((panel, i) => {
    const side = panel.side || (panel.kind === 'code' ? 'left' : 'right');
    const narrow = left.children.length + right.children.length > 0;
    const place = side === 'wide' && !narrow ? above : { left, right, wide }[/** @type {'left'} */ (side)];
    place.append(drawn[i]);
  });
  const two = left.children.length && right.children.length;
  const sides = el('div', { class: two ? 'mdl-two' : 'mdl-one' },
    left.children.length ? left : null, right.children.length ? right : null);
  return el('div', { class: 'mdl-stage' }, above.children.length ? above : null,
    two || left.children.length || right.children.length ? sides : null, wide.children.length ? wide : null);
}

/**
 * After drawing: a long listing shows its current line, and what scrolls takes the focus.
 * @param {HTMLElement} host
 */
function settle(host) {
  host.querySelectorAll('.mdl-lines').forEach((node) => {
    const box = /** @type {HTMLElement} */ (node);
    const line = /** @type {HTMLElement|null} */ (box.querySelector('.mdl-cur, .mdl-chg'));
    if (line && box.scrollHeight > box.clientHeight) box.scrollTop = line.offsetTop - box.offsetTop - box.clientHeight / 3;
  });
  host.querySelectorAll('.mdl-scroll').forEach((box) => {
    if (box.querySelector('svg')) box.scrollLeft = (box.scrollWidth - box.clientWidth) / 2;
  });
  host.querySelectorAll('.mdl-lines, .mdl-scroll').forEach((node) => {
    const over = node.scrollHeight > node.clientHeight + 1 || node.scrollWidth > node.clientWidth + 1;
    if (over && !node.hasAttribute('data-picking')) node.setAttribute('tabindex', '0');
  });
}
