/**
 * A table: {kind: "table", title, head, rows, current, changed, numeric}.
 */

/**
 * @param {Data} panel @param {Data|null} prev @param {Data} ctx
 * @returns {HTMLElement}
 */
function drawTable(panel, prev, ctx) {
  const numeric = new Set(panel.numeric);
  const head = el('tr', {}, ...panel.head.map((/** @type {string} */ text, /** @type {number} */ c) => (
    el('th', { scope: 'col', class: numeric.has(c) ? 'mdl-num' : null }, rich(text)))));
  const body = el('tbody');
  panel.rows.forEach((/** @type {string[]} */ row, /** @type {number} */ r) => {
    const now = panel.current.includes(r);
    const tr = el('tr', { class: now ? 'mdl-cur' : null, 'data-key': r });
    row.forEach((cell, c) => {
      const before = prev && prev.kind === 'table' && prev.rows[r] ? prev.rows[r][c] : cell;
      const fresh = panel.changed ? panel.changed.includes(`${r},${c}`) : before !== cell;
      const other = ctx.other && ctx.other.rows ? (ctx.other.rows[r] || [])[c] : cell;
      const classes = [numeric.has(c) ? 'mdl-num' : '', fresh ? 'mdl-chg' : '', other !== cell ? 'mdl-differs' : ''];
      tr.append(el('td', { class: classes.filter(Boolean).join(' ') || null }, rich(cell)));
    });
    body.append(tr);
  });
  const table = el('table', { class: 'mdl-table' }, panel.head.length ? el('thead', {}, head) : null, body);
  return el('div', { class: 'mdl-scroll' }, table);
}
