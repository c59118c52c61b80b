/**
 * Nested boxes: an operation holds regions, a region blocks, a block operations.
 * {kind: "nest", title, rows: [{id, depth, what: "op" | "region" | "block", text, role}]}
 */

/**
 * @param {Data} row
 * @returns {HTMLElement} the head of a box: its sign, what it is, its text
 */
function drawBoxHead(row) {
  const sign = { cur: '▶', chg: '•', ref: '=', '': '' }[/** @type {'cur'} */ (row.role)];
  return el('div', { class: `mdl-box-head${roleClass(row.role)}`, 'data-key': row.id },
    el('span', { class: 'mdl-sign', 'aria-hidden': 'true', text: sign }),
    row.what === 'op' ? null : el('span', { class: 'mdl-box-what', text: row.what }), codeLine(row.text, 'mlir'));
}

/**
 * @param {Data} panel
 * @returns {HTMLElement}
 */
function drawNest(panel) {
  const host = el('div', { class: 'mdl-nest' });
  /** @type {HTMLElement[]} */
  const open = [host];
  panel.rows.forEach((/** @type {Data} */ row) => {
    const box = el('div', { class: `mdl-box mdl-box-${row.what}` }, drawBoxHead(row));
    open.length = row.depth + 1;
    open[row.depth].append(box);
    open.push(box);
  });
  lightUses(host);
  return el('div', { class: 'mdl-scroll' }, host);
}
