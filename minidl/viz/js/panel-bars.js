/**
 * Bars on one common scale: {kind: "bars", title, unit, max, rows: [{label, value, role, ref}]}.
 */

/**
 * @param {Data} panel @param {Data|null} prev
 * @returns {HTMLElement}
 */
function drawBars(panel, prev) {
  const list = el('div', { class: 'mdl-bars' });
  /** @type {Map<string, string>} */
  const before = new Map(((prev && prev.kind === 'bars' && prev.rows) || []).map((/** @type {Data} */ row) => [row.label, row.value]));
  for (const row of panel.rows) {
    const part = (/** @type {string} */ x) => `${Math.max(0, Math.min(100, (100 * Number(String(x).replace(/,/g, ''))) / (panel.max || 1)))}%`;
    const fresh = before.has(row.label) && before.get(row.label) !== row.value;
    const role = row.role || (fresh ? 'chg' : '');
    list.append(el('div', { class: `mdl-bar ${role ? `mdl-${role}` : ''}`, 'data-key': row.label },
      el('span', { class: 'mdl-bar-name' }, rich(row.label)),
      el('span', { class: 'mdl-bar-track', 'aria-hidden': 'true' },
        el('span', { class: 'mdl-bar-fill', style: `width:${part(row.value)}` }),
        row.ref ? el('span', { class: 'mdl-bar-ref', style: `left:${part(row.ref)}` }) : null),
      el('span', { class: 'mdl-bar-value', text: `${row.value}${panel.unit ? ` ${panel.unit}` : ''}${row.ref ? ` (expected ${row.ref})` : ''}` })));
  }
  return list;
}
