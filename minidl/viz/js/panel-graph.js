/**
 * A graph: boxes and arrows at the places `layout.py` gave them, drawn as SVG.
 * {kind: "graph", title, width, height, nodes: [{id, label, x, y, w, role, shape}],
 *  edges: [{from, to, label, role, dashed, points}]}
 */

/** @param {string} role */
function roleClass(role) {
  return role ? ` mdl-${role}` : '';
}

/**
 * @param {Data} node
 * @returns {SVGElement}
 */
function drawNode(node) {
  const half = node.w / 2;
  const lines = node.label.split('\n');
  const high = 12 + 15 * lines.length;
  const shape = node.shape === 'round' ? { rx: high / 2 } : { rx: 3 };
  const box = svg('rect', { x: node.x - half, y: node.y - high / 2, width: node.w, height: high, ...shape });
  const text = lines.map((/** @type {string} */ line, /** @type {number} */ i) => (
    svg('text', { x: node.x, y: node.y + 5 + 15 * (i - (lines.length - 1) / 2) }, line)));
  const sign = { cur: '▶', chg: '•', ref: '=' }[/** @type {string} */ (node.role)];
  const mark = sign ? svg('text', { class: 'mdl-mark', x: node.x - half + 3, y: node.y - high / 2 - 3 }, sign) : null;
  return svg('g', { class: `mdl-node${roleClass(node.role)}`, 'data-key': node.id }, box, ...text, mark);
}

/**
 * @param {Data} edge @param {string} arrow id of the arrow head
 * @returns {SVGElement}
 */
function drawEdge(edge, arrow) {
  const [[x0, y0], ...rest] = edge.points;
  let d = `M${x0},${y0}`;
  let [px, py] = [x0, y0];
  for (const [x, y] of rest) {
    const flat = Math.abs(x - px) > Math.abs(y - py);
    d += flat ? `C${(px + x) / 2},${py} ${(px + x) / 2},${y} ${x},${y}` : `C${px},${(py + y) / 2} ${x},${(py + y) / 2} ${x},${y}`;
    [px, py] = [x, y];
  }
  const [mx, my] = [(x0 + px) / 2, (y0 + py) / 2];
  return svg('g', { class: `mdl-edge${roleClass(edge.role)}`, 'data-key': `${edge.from}>${edge.to}` },
    svg('path', { class: 'mdl-hit', d }),
    svg('path', { d, 'stroke-dasharray': edge.dashed ? '5 4' : null, 'marker-end': `url(#${arrow})` }),
    edge.label ? svg('text', { x: mx, y: my - 4 }, edge.label) : null);
}

/**
 * @param {Data} panel
 * @returns {HTMLElement}
 */
function drawGraph(panel) {
  const arrow = freshId('arrow');
  const head = svg('marker', { id: arrow, viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, orient: 'auto' },
    svg('path', { class: 'mdl-arrow', d: 'M0,0 L8,4 L0,8 z' }));
  const said = `${panel.nodes.length} nodes, ${panel.edges.length} edges: `
    + panel.edges.map((/** @type {Data} */ e) => `${e.from} to ${e.to}`).join(', ');
  const picture = svg('svg', { class: 'mdl-graph', viewBox: `0 0 ${panel.width} ${panel.height}`, role: 'group', 'aria-label': said,
    style: `max-width:${panel.width}px` }, svg('defs', {}, head),
  ...panel.edges.map((/** @type {Data} */ e) => drawEdge(e, arrow)), ...panel.nodes.map(drawNode));
  return el('div', { class: 'mdl-scroll' }, picture);
}
