/**
 * What is said beside the pictures: counters, caption, why, and the record of an answer.
 */

/** @param {Data[]} list @param {Data[]} before */
function drawCounters(list, before) {
  const old = new Map(before.map((c) => [c.name, c.value]));
  return el('dl', { class: 'mdl-counters' }, ...list.map((c) => {
    const fresh = old.has(c.name) && old.get(c.name) !== c.value;
    return el('div', { class: fresh ? 'mdl-counter mdl-chg' : 'mdl-counter' }, el('dt', { text: c.name }),
      el('dd', {}, String(c.value), c.unit ? el('span', { class: 'mdl-unit', text: ` ${c.unit}` }) : null));
  }));
}

/** @param {string} a @param {string} b */
function ratio(a, b) {
  const [x, y] = [a, b].map((v) => Number(String(v).replace(/,/g, '')));
  if (!x || !y) return '–';
  const r = y / x;
  return `${r >= 100 ? r.toFixed(0) : r >= 10 ? r.toFixed(1) : r.toFixed(2)}×`;
}

/** @param {Data[]} sides @param {string[]} labels counters of two runs and their ratio */
function drawRatios(sides, labels) {
  const names = [...new Set(sides.flatMap((s) => s.counters.map((/** @type {Data} */ c) => c.name)))];
  const value = (/** @type {Data} */ s, /** @type {string} */ name) => (s.counters.find((/** @type {Data} */ c) => c.name === name) || { value: '–' });
  const head = el('tr', {}, el('td'), ...labels.map((l) => el('th', { scope: 'col', class: 'mdl-num', text: l })), el('th', { scope: 'col', class: 'mdl-num', text: 'ratio' }));
  return el('table', { class: 'mdl-table mdl-ratios' }, el('thead', {}, head), el('tbody', {}, ...names.map((name) => {
    const [a, b] = sides.map((s) => value(s, name));
    const show = (/** @type {Data} */ c) => `${c.value}${c.unit ? ` ${c.unit}` : ''}`;
    return el('tr', {}, el('th', { scope: 'row', text: name }), el('td', { class: 'mdl-num', text: show(a) }),
      el('td', { class: 'mdl-num', text: show(b) }), el('td', { class: 'mdl-num', text: ratio(a.value, b.value) }));
  })));
}

/** @param {Data} frame */
function drawCaption(frame) {
  return el('p', { class: 'mdl-caption' }, frame.milestone ? el('span', { class: 'mdl-milestone' }, '◆ ', rich(frame.milestone), ' ') : null,
    frame.title ? el('strong', {}, rich(frame.title), ' ') : null, rich(frame.caption));
}

/** @param {Data|undefined} why */
function drawWhy(why) {
  if (!why) return null;
  const link = why.href ? el('a', { href: why.href }, rich(why.link || 'the rule')) : null;
  return el('p', { class: 'mdl-why' }, el('span', { class: 'mdl-why-word', text: 'why ' }), rich(why.text), link ? ' ' : null, link);
}

/** @param {Data} spec @param {Data} answer */
function drawRecord(spec, answer) {
  const you = answer.given === null ? null : `you: ${said(spec, answer.given)} · `;
  return el('p', { class: `mdl-record ${answer.ok ? 'mdl-right-answer' : ''}` }, el('span', { 'aria-hidden': 'true', text: answer.given === null ? '' : answer.ok ? '✓ ' : '✗ ' }),
    you ? rich(you) : null, 'counted: ', rich(counted(spec)), answer.reply ? '. ' : '', rich(answer.reply || ''));
}
