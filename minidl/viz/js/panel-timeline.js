/**
 * Time, left to right: a lane a device; computation solid, communication hatched.
 * {kind: "timeline", title, unit, start, end, now, lanes: [{label, spans:
 *  [{id, start, end, label, what, role}]}]}
 */

/** @param {Data} lane @param {Data} panel */
function drawLane(lane, panel) {
  const wide = (panel.end - panel.start) || 1;
  const at = (/** @type {number} */ t) => (100 * (t - panel.start)) / wide;
  const track = el('div', { class: 'mdl-track' });
  for (const span of lane.spans) {
    const said = `${span.label} ${span.what}, ${span.start} to ${span.end} ${panel.unit}`;
    track.append(el('div', { class: `mdl-span mdl-${span.what}${roleClass(span.role)}`, 'data-key': span.id, title: said,
      style: `left:${at(span.start)}%;width:${at(span.end) - at(span.start)}%` }, el('span', { text: span.label })));
  }
  if (panel.now !== null) track.append(el('div', { class: 'mdl-now', 'aria-hidden': 'true', style: `left:${at(panel.now)}%` }));
  return el('div', { class: 'mdl-lane' }, el('div', { class: 'mdl-lane-name', text: lane.label }), track);
}

/**
 * @param {Data} panel
 * @returns {HTMLElement}
 */
function drawTimeline(panel) {
  const kinds = new Set(panel.lanes.flatMap((/** @type {Data} */ lane) => lane.spans.map((/** @type {Data} */ s) => s.what)));
  const words = { compute: 'computation', comm: 'communication', wait: 'waiting' };
  const key = el('div', { class: 'mdl-key' }, ...Object.entries(words).filter(([k]) => kinds.has(k)).map(([k, word]) => (
    el('span', {}, el('span', { class: `mdl-swatch mdl-${k}`, 'aria-hidden': 'true' }), word))));
  return el('div', { class: 'mdl-timeline' }, ...panel.lanes.map((/** @type {Data} */ lane) => drawLane(lane, panel)),
    el('div', { class: 'mdl-axis' }, el('span', { text: panel.start }), el('span', { text: `${panel.end} ${panel.unit}` })), key);
}
