/**
 * A graph: boxes and arrows at the places `layout.py` gave them, drawn as SVG.
 * {kind: "graph", title, width, height, nodes: [{id, label, x, y, w, role, shape}],
 *  edges: [{from, to, label, role, dashed, points}], groups: [name], across}
 */

const LETTERS = 'ABCDEF';

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
    svg('text', { x: node.x + (node.group === undefined ? 0 : 8), y: node.y + 5 + 15 * (i - (lines.length - 1) / 2) }, line)));
  const sign = { cur: '▶', chg: '•', ref: '=' }[/** @type {string} */ (node.role)];
  const mark = sign ? svg('text', { class: 'mdl-mark', x: node.x - half + 3, y: node.y - high / 2 - 3 }, sign) : null;
  const group = node.group === undefined ? null : svg('g', { class: 'mdl-group' },
    svg('rect', { x: node.x - half + 5, y: node.y - 8, width: 15, height: 16, rx: 2, style: `stroke:var(--mdl-c${node.group + 1})` }),
    svg('text', { x: node.x - half + 12.5, y: node.y + 4 }, `${LETTERS[node.group]} `));
  return svg('g', { class: `mdl-node${roleClass(node.role)}`, 'data-key': node.id }, box, group, ...text, mark);
}

/** @param {number[][]} points @param {boolean} across @returns {string} a smooth path, flat at the ends along the flow */
function smooth(points, across) {
  const [x0, y0] = points[0];
  let d = `M${x0},${y0}`;
  points.slice(1).forEach(([x, y], i) => {
    const [px, py] = points[i];
    d += across ? `C${(px + x) / 2},${py} ${(px + x) / 2},${y} ${x},${y}` : `C${px},${(py + y) / 2} ${x},${(py + y) / 2} ${x},${y}`;
  });
  return d;
}

/**
 * @param {Data} edge @param {string} arrow id of the arrow head @param {boolean} across
 * @returns {SVGElement}
 */
function drawEdge(edge, arrow, across) {
  const d = smooth(edge.points, across);
  return svg('g', { class: `mdl-edge${roleClass(edge.role)}`, 'data-key': `${edge.from}>${edge.to}` },
    svg('path', { class: 'mdl-hit', d }),
    svg('path', { d, 'stroke-dasharray': edge.dashed ? '5 4' : null, 'marker-end': `url(#${arrow})` }));
}

/** @param {Data} edge what is written on an edge, above all boxes */
function drawEdgeLabel(edge) {
  const k = Math.floor((edge.points.length - 1) / 2);
  const [[ax, ay], [bx, by]] = [edge.points[k], edge.points[k + 1]];
  return svg('text', { class: 'mdl-edge-label', x: (ax + bx) / 2, y: (ay + by) / 2 + 4 }, edge.label);
}

/**
 * @param {Data} panel
 * @returns {HTMLElement}
 */
function drawGraph(panel) {
  const arrow = freshId('arrow');
  const head = svg('marker', { id: arrow, viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 9, markerHeight: 9, markerUnits: 'userSpaceOnUse', orient: 'auto' },
    svg('path', { class: 'mdl-arrow', d: 'M0,0 L8,4 L0,8 z' }));
  const said = `${panel.nodes.length} nodes, ${panel.edges.length} edges: `
    + panel.edges.map((/** @type {Data} */ e) => `${e.from} to ${e.to}`).join(', ');
  const picture = svg('svg', { class: 'mdl-graph', viewBox: `0 0 ${panel.width} ${panel.height}`, role: 'group', 'aria-label': said,
    style: `max-width:${panel.width}px;min-width:${Math.round(0.72 * panel.width)}px` }, svg('defs', {}, head),
  ...panel.edges.map((/** @type {Data} */ e) => drawEdge(e, arrow, panel.across)), ...panel.nodes.map(drawNode),
  ...panel.edges.filter((/** @type {Data} */ e) => e.label).map(drawEdgeLabel));
  const key = el('div', { class: 'mdl-key' }, ...panel.groups.map((/** @type {string} */ name, /** @type {number} */ i) => el('span', {},
    el('span', { class: 'mdl-swatch mdl-group', style: `border-color:var(--mdl-c${i + 1})`, text: LETTERS[i] }), rich(name))));
  return el('div', {}, el('div', { class: 'mdl-scroll' }, picture), panel.groups.length ? key : null);
}
