/**
 * Stack explorer, who is related to whom: lines of any stages whose id sets meet.
 *
 * A line that stands for three or more others of its own column (a call, a return, the
 * threads' prologue) is loose: it is a near relative of loose lines only, a far one of the rest.
 */

/** @param {number[]} a @param {number[]} b */
function meet(a, b) {
  return a.some((id) => b.includes(id));
}

/** @param {number[]} set @param {number[][]} others @returns {boolean} whether three or more disjoint others lie inside the set */
function isLoose(set, others) {
  const left = new Set(set);
  const inside = others.filter((o) => o.length && o.length < set.length && o.every((id) => left.has(id))).sort((a, b) => a.length - b.length);
  const apart = inside.filter((o) => o.every((id) => left.has(id)) && o.every((id) => left.delete(id)));
  return apart.length >= 3;
}

/** @param {Data} data @returns {Array<Set<number>>} of each stage, its loose sets by number */
function looseSets(data) {
  return data.stages.map((/** @type {Data} */ stage) => {
    const used = [...new Set(/** @type {number[]} */ (stage.ids))];
    const all = used.map((k) => data.sets[k]);
    return new Set(used.filter((k) => data.sets[k].length >= 3 && isLoose(data.sets[k], all)));
  });
}

/** @param {Stack} me @returns {{tight: number[], loose: number[]}} ids of the marked lines, by kind of line */
function ownIds(me) {
  /** @type {{tight: number[], loose: number[]}} */
  const out = { tight: [], loose: [] };
  for (const key of me.own) {
    const [s, line] = key.split('.').map(Number);
    const set = me.data.stages[s].ids[line - 1];
    out[me.loose[s].has(set) ? 'loose' : 'tight'].push(...me.data.sets[set]);
  }
  return out;
}

/**
 * Near and far relatives, by line.  Where the tour names lines of a column, it means no others.
 * @param {Stack} me @param {number} s @returns {{near: Set<number>, far: Set<number>}}
 */
function relatives(me, s) {
  const ids = ownIds(me);
  const lines = me.data.stages[s].ids.map((/** @type {number} */ set, /** @type {number} */ i) => ({ no: i + 1, loose: me.loose[s].has(set), set: me.data.sets[set] }));
  /** @type {Set<number>} */
  const near = new Set();
  /** @type {Set<number>} */
  const far = new Set();
  for (const kind of /** @type {Array<'tight' | 'loose'>} */ (['tight', 'loose'])) {
    const kin = lines.filter((/** @type {any} */ line) => meet(line.set, ids[kind]));
    const best = kin.filter((/** @type {any} */ line) => line.loose === (kind === 'loose'));
    (best.length ? best : kin).forEach((/** @type {any} */ line) => near.add(line.no));
    kin.forEach((/** @type {any} */ line) => far.add(line.no));
  }
  if (me.toured && named(me, s)) {
    near.forEach((no) => { if (!me.own.has(`${s}.${no}`)) near.delete(no); });
  }
  near.forEach((no) => far.delete(no));
  return { near, far };
}

/**
 * @typedef {{top: number, bottom: number, set: number[], loose: boolean}} Run  marked lines one below the other, of one id set
 * @param {Stack} me @param {number} s @param {DOMRect} frame
 * @returns {Run[]} those in view, as heights inside the picture
 */
function markedRuns(me, s, frame) {
  const column = /** @type {Element} */ (me.columns.get(s));
  const box = /** @type {Element} */ (column.querySelector('.mdl-lines')).getBoundingClientRect();
  /** @type {Run[]} */
  const runs = [];
  column.querySelectorAll('.mdl-cur, .mdl-rel').forEach((line) => {
    const at = line.getBoundingClientRect();
    if (!at.height || at.bottom <= box.top + 1 || at.top >= box.bottom - 1) return;
    const number = me.data.stages[s].ids[Number(line.getAttribute('data-key')) - 1];
    const [top, bottom] = [Math.max(at.top, box.top) - frame.top, Math.min(at.bottom, box.bottom) - frame.top];
    const last = runs[runs.length - 1];
    if (last && last.set === me.data.sets[number] && top - last.bottom < 1.5) last.bottom = bottom;
    else runs.push({ top, bottom, set: me.data.sets[number], loose: me.loose[s].has(number) });
  });
  return runs.some((run) => !run.loose) ? runs : runs.map((run) => ({ ...run, loose: false }));
}

/** @param {Run[]} left @param {Run[]} right @returns {Array<[Run, Run]>} related runs; neighbours with one partner make one band */
function bands(left, right) {
  /** @type {Array<[Run, Run]>} */
  const out = [];
  for (const a of left) {
    /** @type {Run[]} */
    const mine = [];
    for (const b of right) {
      if (a.loose !== b.loose || !meet(a.set, b.set)) continue;
      const last = mine[mine.length - 1];
      if (last && b.top - last.bottom < 1.5) last.bottom = b.bottom; else mine.push({ ...b });
    }
    for (const b of mine) {
      const above = out.find(([x, y]) => y.top === b.top && y.bottom === b.bottom && a.top - x.bottom < 1.5 && a.top >= x.bottom - 1.5);
      if (above) above[0].bottom = a.bottom; else out.push([{ ...a }, b]);
    }
  }
  return out;
}

/** @param {Stack} me bands between neighbouring columns */
function drawLinks(me) {
  const frame = me.ui.columns.getBoundingClientRect();
  const list = me.piled ? [] : [...me.columns.entries()];
  /** @type {SVGElement[]} */
  const paths = [];
  for (let i = 0; i + 1 < list.length; i += 1) {
    const x0 = list[i][1].getBoundingClientRect().right - frame.left;
    const x1 = list[i + 1][1].getBoundingClientRect().left - frame.left;
    const mid = (x0 + x1) / 2;
    for (const [a, b] of bands(markedRuns(me, list[i][0], frame), markedRuns(me, list[i + 1][0], frame))) {
      paths.push(svg('path', { d: `M${x0},${a.top}C${mid},${a.top} ${mid},${b.top} ${x1},${b.top}L${x1},${b.bottom}C${mid},${b.bottom} ${mid},${a.bottom} ${x0},${a.bottom}Z` }));
    }
  }
  me.ui.links.replaceChildren(...paths);
}
