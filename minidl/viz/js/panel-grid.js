/**
 * A tensor as a grid of cells one can count, its shape and dtype at the corner.
 * {kind: "grid", title, shape, dtype, cells, map, range, text, current, changed,
 *  reference, rows, cols}; cells hold what is shown, colour is read from it.
 */

/** @param {Data} panel @param {Data|null} prev @param {number} r @param {number} c */
function cellChanged(panel, prev, r, c) {
  if (panel.changed) return panel.changed.includes(`${r},${c}`);
  return !!prev && prev.kind === 'grid' && !!prev.cells[r] && prev.cells[r][c] !== undefined
    && prev.cells[r][c] !== panel.cells[r][c];
}

/**
 * How far along its map a cell's colour lies: −1 … 1.
 * @param {Data} panel @param {string} cell
 */
function shade(panel, cell) {
  const value = parseFloat(String(cell).replace('−', '-'));
  if (panel.map === 'none' || Number.isNaN(value)) return 0;
  const [lo, hi] = panel.range;
  if (panel.map === 'signed') return value / (Math.max(Math.abs(lo), Math.abs(hi)) || 1);
  return (value - lo) / ((hi - lo) || 1);
}

/** @param {number} t @param {string} map */
function paint(t, map) {
  if (map === 'none' || t === 0) return '';
  const part = Math.round(Math.min(1, Math.abs(t)) * 100);
  const hue = map === 'signed' && t < 0 ? 'var(--mdl-neg)' : 'var(--mdl-pos)';
  return `background:color-mix(in srgb, ${hue} ${part}%, var(--mdl-bg))`;
}

/** @param {Data} panel */
function gridLegend(panel) {
  if (panel.map === 'none') return null;
  const [lo, hi] = panel.range;
  const ends = panel.map === 'signed' ? [-Math.max(Math.abs(lo), Math.abs(hi)), Math.max(Math.abs(lo), Math.abs(hi))] : [lo, hi];
  return el('div', { class: 'mdl-key' }, el('span', { text: String(ends[0]).replace('-', '−') }),
    el('span', { class: `mdl-ramp mdl-ramp-${panel.map}`, 'aria-hidden': 'true' }), el('span', { text: ends[1] }));
}

/**
 * @param {Data} panel @param {Data|null} prev @param {Data} ctx
 * @returns {HTMLElement}
 */
function drawGrid(panel, prev, ctx) {
  const many = panel.text && panel.cells.length && panel.cells[0].length > 16;
  const table = el('table', { class: `mdl-grid ${panel.text ? '' : 'mdl-tiny'} ${many ? 'mdl-many' : ''}`,
    style: many ? `--mdl-cols:${panel.cells[0].length + (panel.rows ? 2 : 0)}` : null });
  if (panel.cols) {
    table.append(el('thead', {}, el('tr', {}, panel.rows ? el('td') : null,
      ...panel.cols.map((/** @type {string} */ c) => el('th', { scope: 'col', text: c })))));
  }
  const body = el('tbody');
  panel.cells.forEach((/** @type {string[]} */ row, /** @type {number} */ r) => {
    const tr = el('tr', {}, panel.rows ? el('th', { scope: 'row', text: panel.rows[r] }) : null);
    row.forEach((cell, c) => {
      const key = `${r},${c}`;
      const t = shade(panel, cell);
      const classes = ['mdl-cell'];
      if (panel.current.includes(key)) classes.push('mdl-cur');
      else if (cellChanged(panel, prev, r, c)) classes.push('mdl-chg');
      else if (panel.reference.includes(key)) classes.push('mdl-ref');
      if (ctx.other && ctx.other.cells && (ctx.other.cells[r] || [])[c] !== cell) classes.push('mdl-differs');
      if (!panel.text && t < 0) classes.push('mdl-minus');
      tr.append(el('td', { class: classes.join(' '), 'data-key': key, style: paint(t, panel.map), title: `[${r}, ${c}] ${cell}` },
        panel.text ? cell : el('span', { class: 'mdl-hidden', text: cell })));
    });
    body.append(tr);
  });
  table.append(body);
  return el('div', { class: 'mdl-scroll' }, table, gridLegend(panel));
}
