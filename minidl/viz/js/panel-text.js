/**
 * Text: {kind: "text", title, paragraphs}, prose with `code` between backticks.
 */

/**
 * @param {Data} panel
 * @returns {HTMLElement}
 */
function drawText(panel) {
  return el('div', { class: 'mdl-prose' },
    ...panel.paragraphs.map((/** @type {string} */ p) => el('p', {}, rich(p))));
}
