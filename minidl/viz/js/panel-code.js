/**
 * Code: monospaced lines with a gutter that says in signs what colour says too.
 * {kind: "code", title, lang, lines, current, changed, reference, start}
 */

/**
 * Lines that are not in the frame before; what `changed` means when nobody said.
 * @param {Data} panel @param {Data|null} prev
 * @returns {number[]}
 */
function newLines(panel, prev) {
  if (panel.changed) return panel.changed;
  if (!prev || prev.kind !== 'code') return [];
  const old = new Set(prev.lines);
  return panel.lines.flatMap((/** @type {string} */ line, /** @type {number} */ i) => (
    old.has(line) ? [] : [i + panel.start]));
}

/**
 * @param {Data} panel @param {Data|null} prev
 * @returns {HTMLElement}
 */
function drawCode(panel, prev) {
  const changed = new Set(newLines(panel, prev));
  const current = new Set(panel.current);
  const reference = new Set(panel.reference);
  const digits = String(panel.start + panel.lines.length - 1).length;
  const body = el('div', { class: 'mdl-lines', style: digits > 3 ? `--mdl-digits:${digits}` : null });
  const codes = codeLines(panel.lines, panel.lang);
  panel.lines.forEach((/** @type {string} */ _, /** @type {number} */ i) => {
    const no = i + panel.start;
    const role = current.has(no) ? 'cur' : changed.has(no) ? 'chg' : reference.has(no) ? 'ref' : '';
    const sign = { cur: '▶', chg: '•', ref: '=', '': '' }[role];
    body.append(el('div', { class: `mdl-line ${role ? `mdl-${role}` : ''}`, 'data-key': no },
      el('span', { class: 'mdl-sign', 'aria-hidden': 'true', text: sign }),
      el('span', { class: 'mdl-no', 'aria-hidden': 'true', text: no }), codes[i]));
  });
  lightUses(body);
  return body;
}
