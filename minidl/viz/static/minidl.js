/* Joined from minidl/viz/js by minidl/viz/assets.py: edit there. */
(function () {
'use strict';
if (window.minidl && window.minidl.hydrate) return;

/**
 * Small tools that every panel and widget uses: DOM, text, storage, registry.
 *
 * All files of this folder are joined, in the order of `join.py`, inside one
 * function; nothing but `window.minidl` leaves it.  Text reaches the page
 * through `textContent` only, so a frame can carry any character.
 */

/** @typedef {Record<string, any>} Data */

/**
 * Build an element; `on…` keys are listeners, `text` is text, the rest attributes.
 * @param {string} tag
 * @param {Data} [attrs]
 * @param {...(Node|string|null|undefined)} kids
 * @returns {HTMLElement}
 */
function el(tag, attrs, ...kids) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attrs || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === 'text') node.textContent = String(value);
    else if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? '' : String(value));
  }
  for (const kid of kids) if (kid !== null && kid !== undefined) node.append(kid);
  return node;
}

/**
 * The same for SVG.
 * @param {string} tag
 * @param {Data} [attrs]
 * @param {...(Node|string|null)} kids
 * @returns {SVGElement}
 */
function svg(tag, attrs, ...kids) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [key, value] of Object.entries(attrs || {})) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(key, String(value));
  }
  for (const kid of kids) if (kid !== null) node.append(kid);
  return node;
}

/**
 * Prose with `code` between backticks, as nodes.
 * @param {string} text
 * @returns {DocumentFragment}
 */
function rich(text) {
  const out = document.createDocumentFragment();
  String(text || '').split('`').forEach((part, i) => {
    if (part) out.append(i % 2 ? el('code', { text: part }) : part);
  });
  return out;
}

/**
 * @param {string} label what a screen reader says
 * @param {string} text what is drawn
 * @param {(e: Event) => void} act
 * @param {Data} [more]
 * @returns {HTMLButtonElement}
 */
function button(label, text, act, more) {
  const attrs = { type: 'button', class: 'mdl-button', onclick: act, ...(more || {}) };
  if (label !== text) Object.assign(attrs, { 'aria-label': label, title: label });
  return /** @type {HTMLButtonElement} */ (el('button', attrs, text));
}

let serial = 0;
/** @param {string} stem */
function freshId(stem) {
  serial += 1;
  return `mdl-${stem}-${serial}`;
}

/** What a reader solved, kept by the browser; silently absent where it may not store. */
const store = {
  /** @param {string} key */
  get(key) {
    try { return window.localStorage.getItem(`minidl.${key}`); } catch { return null; }
  },
  /** @param {string} key @param {string} value */
  set(key, value) {
    try { window.localStorage.setItem(`minidl.${key}`, value); } catch { /* private mode */ }
  },
};

/** @returns {boolean} */
function calm() {
  return !!window.matchMedia && window.matchMedia('(prefers-reduced-motion: reduce)').matches;
}

/** @param {EventTarget|null} target whether a key pressed there is text being written */
function writing(target) {
  const node = /** @type {HTMLInputElement|null} */ (target);
  if (!node || !node.tagName) return false;
  if (node.tagName === 'INPUT') return !['range', 'radio', 'checkbox'].includes(node.type);
  return ['SELECT', 'TEXTAREA'].includes(node.tagName);
}

/**
 * The place a link names: `#p=<name>.<frame>`, frames counted from 1.
 * @returns {{name: string, frame: number}|null}
 */
function linked() {
  const found = /^#p=(.+)\.(\d+)$/.exec(decodeURIComponent(window.location.hash || ''));
  return found ? { name: found[1], frame: Number(found[2]) } : null;
}

/**
 * Copy an address; without a clipboard the address bar takes it.
 * @param {string} name @param {number} frame @param {HTMLElement} status
 */
async function copyLink(name, frame, status) {
  const hash = `#p=${name}.${frame}`;
  try {
    await navigator.clipboard.writeText(window.location.href.split('#')[0] + hash);
    status.textContent = 'link copied';
  } catch {
    window.history.replaceState(null, '', hash);
    status.textContent = 'link is in the address bar';
  }
  window.setTimeout(() => { status.textContent = ''; }, 2500);
}

/**
 * Frame format 1, read: shared strings, key frames, differences (codec.py writes it).
 */

/**
 * Put the shared strings back: "~1f" is string 1f (base 36), "~~x" is "~x".
 * @param {any} value @param {string[]} strings
 * @returns {any}
 */
function expand(value, strings) {
  if (typeof value === 'string') {
    if (value[0] !== '~') return value;
    return value[1] === '~' ? value.slice(1) : strings[parseInt(value.slice(1), 36)];
  }
  if (Array.isArray(value)) return value.map((item) => expand(item, strings));
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, expand(v, strings)]));
  }
  return value;
}

/**
 * One difference applied; the old value stays as it was.
 * @param {any} old @param {Data} delta
 * @returns {any}
 */
function patch(old, delta) {
  if ('=' in delta) return delta['='];
  if ('i' in delta) {
    const out = old.slice();
    for (const [i, d] of Object.entries(delta.i)) out[Number(i)] = patch(out[Number(i)], d);
    return out;
  }
  if ('s' in delta) {
    const out = old.slice();
    for (const [start, count, items] of delta.s) out.splice(start, count, ...items);
    return out;
  }
  if (!('o' in delta) && !('-' in delta)) return old;
  const out = { ...old };
  for (const key of delta['-'] || []) delete out[key];
  for (const [key, d] of Object.entries(delta.o || {})) out[key] = patch(out[key], d);
  return out;
}

/**
 * @param {Data} packed
 * @returns {Data[]} every frame, whole
 */
function decodeFrames(packed) {
  /** @type {Data[]} */
  const out = [];
  for (const item of packed.frames) {
    const one = expand(item, packed.strings);
    out.push('k' in one ? one.k : patch(out[out.length - 1], one));
  }
  return out;
}

/**
 * Colours for MLIR, LLVM IR, assembly, PTX and Python: one line in, tokens out.
 *
 * Roles: k keyword or op, t type, n number, c comment, a attribute or symbol,
 * v an SSA value or register (its uses light up together), s string.
 */

/** @type {Record<string, Array<[string, RegExp]>>} */
const grammars = {
  mlir: [
    ['c', /\/\/.*/y], ['s', /"(?:[^"\\]|\\.)*"/y], ['v', /%[\w$.#-]+/y], ['a', /[@#^!][\w$.-]+/y],
    ['t', /(?:tensor|memref|vector|index|none|[su]?i\d+|bf16|f(?:16|32|64)|f8\w+)\b/y],
    ['t', /x(?=\d|\?|vector|[su]?i\d|bf16\b|f(?:8|16|32|64))/y],
    ['k', /\b[a-z_]\w*\.[\w.]+/y],
    ['k', /\b(?:func|module|return|loc|dense|array|to|step|iter_args|ins|outs|true|false|private|public|attributes)\b/y],
    ['n', /-?\b(?:0x[\da-fA-F]+|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)/y], ['', /[A-Za-z_$][\w$]*/y],
  ],
  llvm: [
    ['c', /;.*/y], ['s', /c?"(?:[^"\\]|\\.)*"/y], ['v', /%[\w$.-]+/y], ['a', /[@#!][\w$.-]+/y],
    ['t', /\b(?:i\d+|half|bfloat|float|double|void|ptr|label|x)\b/y],
    ['n', /-?\b(?:0x[\da-fA-F]+|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)\b/y],
    ['k', /\b[a-z][a-z_.]*\b/y], ['', /[A-Za-z_$][\w$.]*/y],
  ],
  asm: [
    ['c', /(?:#|\/\/|;).*/y], ['s', /"(?:[^"\\]|\\.)*"/y], ['a', /^\s*\.?[\w$.]+:/y], ['a', /\.L[\w$]+/y],
    ['v', /%?\b(?:[xyz]mm\d+|[re]?[abcd]x|[re]?[sd]il?|[re]?[sb]pl?|r\d+[dwb]?|k[0-7]|rip|[wx]\d+|v\d+)\b/y],
    ['t', /\b(?:byte|word|dword|qword|xmmword|ymmword|zmmword|ptr)\b/y],
    ['n', /-?\b(?:0x[\da-fA-F]+|\d+)\b/y], ['k', /^\s*\.?[a-z][\w.]*/y], ['', /[A-Za-z_$][\w$.]*/y],
  ],
  ptx: [
    ['c', /\/\/.*/y], ['s', /"(?:[^"\\]|\\.)*"/y], ['v', /%[\w$.]+/y], ['a', /\$[\w$]+:?/y],
    ['t', /\.(?:pred|[busf]\d+|bf16x?2?|f16x2|v[24]|align|ptr)\b/y], ['k', /\.(?:visible|entry|func|param|reg|shared|global|local|const|version|target|address_size|maxntid)\b/y],
    ['n', /-?\b(?:0[fFdDxX][\da-fA-F]+|\d+)\b/y], ['k', /\b[a-z][a-z0-9]*(?=[.\s;])/y], ['', /[A-Za-z_$][\w$]*/y],
  ],
  python: [
    ['c', /#.*/y], ['s', /[rbf]?("""(?:[^"]|"(?!""))*(?:"""|$)|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')/y], ['a', /@[\w.]+/y],
    ['k', /\b(?:and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield|match|case)\b/y],
    ['t', /\b(?:None|True|False|int|float|str|bool|tuple|list|dict|self)\b/y],
    ['n', /\b(?:0x[\da-fA-F]+|\d[\d_]*(?:\.\d*)?(?:[eE][-+]?\d+)?)/y], ['', /[A-Za-z_]\w*/y],
  ],
};
grammars.x86 = grammars.asm;
grammars.stablehlo = grammars.mlir;

/**
 * @param {string} line @param {string} lang
 * @returns {Array<[string, string]>} pairs of role and text; the texts joined are the line
 */
function tokens(line, lang) {
  const grammar = grammars[lang];
  /** @type {Array<[string, string]>} */
  const out = [];
  /** @param {string} role @param {string} text */
  const put = (role, text) => {
    const last = out[out.length - 1];
    if (last && last[0] === role && role === '') last[1] += text;
    else out.push([role, text]);
  };
  if (!grammar) return [['', line]];
  for (let at = 0; at < line.length;) {
    let hit = null;
    for (const [role, rule] of grammar) {
      rule.lastIndex = at;
      const found = rule.exec(line);
      if (found && found[0]) { hit = /** @type {[string, string]} */ ([role, found[0]]); break; }
    }
    put(hit ? hit[0] : '', hit ? hit[1] : line[at]);
    at += hit ? hit[1].length : 1;
  }
  return out;
}

/**
 * Python's long strings run over lines: a line's tokens, and whether it ends inside one.
 * @param {string} line @param {boolean} inside
 * @returns {{parts: Array<[string, string]>, inside: boolean}}
 */
function pythonTokens(line, inside) {
  const close = line.indexOf('"""');
  if (inside && close < 0) return { parts: [['s', line]], inside: true };
  const start = inside ? close + 3 : 0;
  const rest = line.slice(start);
  const open = (rest.match(/"""/g) || []).length % 2 === 1;
  /** @type {Array<[string, string]>} */
  const head = inside ? [['s', line.slice(0, start)]] : [];
  return { parts: [...head, ...tokens(rest, 'python')], inside: open };
}

/**
 * @param {string[]} lines @param {string} lang
 * @returns {HTMLElement[]} each line as `<code>`
 */
function codeLines(lines, lang) {
  let inside = false;
  return lines.map((line) => {
    if (lang !== 'python') return codeLine(line, lang);
    const read = pythonTokens(line, inside);
    inside = read.inside;
    return codeLine(line, lang, read.parts);
  });
}

/**
 * @param {string} line @param {string} lang @param {Array<[string, string]>} [parts]
 * @returns {HTMLElement} the line as `<code>`
 */
function codeLine(line, lang, parts) {
  const code = el('code', {});
  for (const [role, text] of parts || tokens(line, lang)) {
    if (!role) code.append(text);
    else code.append(el('span', { class: `mdl-t-${role}`, 'data-v': role === 'v' ? text : null, text }));
  }
  if (!line) code.append('\u200b');
  return code;
}

/**
 * Uses of a value light up together under the pointer.
 * @param {HTMLElement} host
 */
function lightUses(host) {
  /** @param {string|null} name */
  const light = (name) => host.querySelectorAll('[data-v]').forEach((node) => {
    node.classList.toggle('mdl-use', node.getAttribute('data-v') === name);
  });
  host.addEventListener('mouseover', (e) => {
    light(/** @type {Element} */ (e.target).getAttribute('data-v'));
  });
  host.addEventListener('mouseleave', () => light(null));
}

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

/**
 * One door to all panels, and where they stand.
 */

/** @type {Record<string, (panel: Data, prev: Data|null, ctx: Data) => HTMLElement>} */
const drawers = {
  code: drawCode, grid: drawGrid, table: drawTable, graph: drawGraph,
  timeline: drawTimeline, bars: drawBars, text: drawText, nest: drawNest,
};

/** @param {Data} panel what stands at the corner of a grid */
function corner(panel) {
  return panel.kind === 'grid' ? `${panel.dtype} [${panel.shape.join(', ')}]` : (panel.note || '');
}

/**
 * @param {Data} panel @param {Data|null} prev the same panel a frame before @param {Data} [ctx]
 * @returns {HTMLElement}
 */
function drawPanel(panel, prev, ctx) {
  const body = drawers[panel.kind](panel, prev, ctx || {});
  const head = panel.title || corner(panel)
    ? el('div', { class: 'mdl-panel-head' }, el('span', { class: 'mdl-panel-title' }, rich(panel.title)),
      el('span', { class: 'mdl-corner', text: corner(panel) })) : null;
  return el('div', { class: `mdl-panel mdl-panel-${panel.kind}`, 'data-panel': panel.title || panel.kind,
    role: 'group', 'aria-label': panel.title || panel.kind }, head, body);
}

/** @param {Data} panel @param {Data[]} before */
function samePanel(panel, before) {
  return before.find((old) => old.kind === panel.kind && old.title === panel.title) || null;
}

/**
 * Code at the left, state at the right; a panel can ask for the whole width, above or below.
 * @param {Data[]} list @param {Data[]} before panels of the frame before
 * @param {Data[]} [others] panels of the other run, whose differences are marked
 * @returns {HTMLElement}
 */
function drawStage(list, before, others) {
  const drawn = list.map((panel) => drawPanel(panel, samePanel(panel, before),
    { other: others ? samePanel(panel, others) : null }));
  const left = el('div', { class: 'mdl-left' });
  const right = el('div', { class: 'mdl-right' });
  const above = el('div', { class: 'mdl-across' });
  const wide = el('div', { class: 'mdl-across' });
  list.forEach((panel, i) => {
    const side = panel.side || (panel.kind === 'code' ? 'left' : 'right');
    const narrow = left.children.length + right.children.length > 0;
    const place = side === 'wide' && !narrow ? above : { left, right, wide }[/** @type {'left'} */ (side)];
    place.append(drawn[i]);
  });
  const two = left.children.length && right.children.length;
  const sides = el('div', { class: two ? 'mdl-two' : 'mdl-one' },
    left.children.length ? left : null, right.children.length ? right : null);
  return el('div', { class: 'mdl-stage' }, above.children.length ? above : null,
    two || left.children.length || right.children.length ? sides : null, wide.children.length ? wide : null);
}

/**
 * After drawing: a long listing shows its current line, and what scrolls takes the focus.
 * @param {HTMLElement} host
 */
function settle(host) {
  host.querySelectorAll('.mdl-lines').forEach((node) => {
    const box = /** @type {HTMLElement} */ (node);
    const line = /** @type {HTMLElement|null} */ (box.querySelector('.mdl-cur, .mdl-chg'));
    if (line && box.scrollHeight > box.clientHeight) box.scrollTop = line.offsetTop - box.offsetTop - box.clientHeight / 3;
  });
  host.querySelectorAll('.mdl-scroll').forEach((box) => {
    if (box.querySelector('svg')) box.scrollLeft = (box.scrollWidth - box.clientWidth) / 2;
  });
  host.querySelectorAll('.mdl-lines, .mdl-scroll').forEach((node) => {
    const over = node.scrollHeight > node.clientHeight + 1 || node.scrollWidth > node.clientWidth + 1;
    if (over && !node.hasAttribute('data-picking')) node.setAttribute('tabindex', '0');
  });
}

/**
 * Picking parts of a panel, by mouse and by keyboard.
 */

/**
 * The name of a part for a reader's ear: what is written on it and its key, each once.
 * @param {HTMLElement} part
 */
function spoken(part) {
  const key = part.getAttribute('data-key') || '';
  const letter = part.querySelector('.mdl-group text')?.textContent || '';
  const written = (part.textContent || '').slice(letter.length).trim();
  return letter + (key.includes(written) ? key : `${written} ${key}`);
}

/**
 * Make the keyed parts of a panel toggles; arrows walk to the nearest in that direction.
 * @param {HTMLElement} panel @param {string[]} only keys of this form ('' for all) @param {(keys: string[]) => void} tell
 * @returns {() => void} undo
 */
function pickFrom(panel, only, tell) {
  const parts = /** @type {HTMLElement[]} */ ([...panel.querySelectorAll('[data-key]')])
    .filter((p) => !only.length || only.includes(p.getAttribute('data-key') || ''));
  /** @type {Set<string>} */
  const chosen = new Set();
  /** @param {HTMLElement} part */
  const toggle = (part) => {
    const key = part.getAttribute('data-key') || '';
    if (chosen.has(key)) chosen.delete(key); else chosen.add(key);
    part.setAttribute('aria-pressed', String(chosen.has(key)));
    tell([...chosen]);
  };
  /** @param {HTMLElement} part */
  const focus = (part) => {
    parts.forEach((p) => p.setAttribute('tabindex', p === part ? '0' : '-1'));
    part.focus();
  };
  /** @param {KeyboardEvent} e */
  const keys = (e) => {
    const part = /** @type {HTMLElement|null} */ (/** @type {Element} */ (e.target).closest('[data-key]'));
    if (!part) return;
    if (e.key === ' ' || e.key === 'Enter') toggle(part);
    else if (e.key.startsWith('Arrow')) { const next = nearest(part, parts, e.key); if (next) focus(next); } else return;
    e.preventDefault();
    e.stopPropagation();
  };
  /** @param {Event} e */
  const click = (e) => {
    const part = /** @type {HTMLElement|null} */ (/** @type {Element} */ (e.target).closest('[data-key]'));
    if (part && parts.includes(part)) { focus(part); toggle(part); }
  };
  parts.forEach((part, i) => {
    part.setAttribute('role', 'button');
    part.setAttribute('aria-pressed', 'false');
    part.setAttribute('tabindex', i ? '-1' : '0');
    if (part instanceof SVGElement || !part.textContent) part.setAttribute('aria-label', spoken(part));
  });
  panel.classList.add('mdl-picking');
  panel.addEventListener('keydown', keys);
  panel.addEventListener('click', click);
  return () => {
    panel.classList.remove('mdl-picking');
    panel.removeEventListener('keydown', keys);
    panel.removeEventListener('click', click);
    parts.forEach((part) => {
      part.classList.toggle('mdl-picked', part.getAttribute('aria-pressed') === 'true');
      ['role', 'tabindex', 'aria-pressed'].forEach((a) => part.removeAttribute(a));
    });
  };
}

/**
 * @param {HTMLElement} from @param {HTMLElement[]} parts @param {string} arrow
 * @returns {HTMLElement|null}
 */
function nearest(from, parts, arrow) {
  const sideways = arrow === 'ArrowLeft' || arrow === 'ArrowRight';
  const sign = arrow === 'ArrowLeft' || arrow === 'ArrowUp' ? -1 : 1;
  const mid = (/** @type {HTMLElement} */ p) => { const b = p.getBoundingClientRect(); return [b.left + b.width / 2, b.top + b.height / 2]; };
  const [x, y] = mid(from);
  let best = null;
  let least = Infinity;
  for (const part of parts) {
    const [px, py] = mid(part);
    const along = sign * (sideways ? px - x : py - y);
    const across = Math.abs(sideways ? py - y : px - x);
    if (part === from || along <= 1) continue;
    const cost = along + 3 * across;
    if (cost < least) { least = cost; best = part; }
  }
  return best;
}

/**
 * A question and its verdict; the engine judged every answer beforehand.
 * {kind: "choose", question, options: [{text, reply, measured}], answer}
 * {kind: "number", question, answer, unit, tolerance, replies: [[value, text]]}
 * {kind: "pick", question, panel, answer: [key], only: [key], replies: [[keys, text]]}
 * `right` is what is said after the right answer; `otherwise` after an unlisted wrong one.
 */

/** @param {string} text @returns {number} NaN when it is no number; "1,024 B", "3/4" and "2^10" are */
function readNumber(text) {
  const clean = text.trim().replace(/[,_\s](?=\d{3}\b)/g, '').replace('−', '-');
  const found = /^(-?\d*\.?\d+(?:e[-+]?\d+)?)(?:\s*(\/|\^)\s*(\d*\.?\d+))?(?:\s*[^\d].*)?$/i.exec(clean);
  if (!found) return NaN;
  const [a, b] = [Number(found[1]), Number(found[3])];
  if (found[2] === '/') return a / b;
  return found[2] === '^' ? a ** b : a;
}

/** @param {Data} spec what the engine says, for "counted: …" */
function counted(spec) {
  if (spec.kind === 'choose') return spec.options[spec.answer].text;
  if (spec.kind === 'number') return `${spec.answer}${spec.unit ? ` ${spec.unit}` : ''}`;
  return spec.answer.join('; ');
}

/** @param {Data} spec @param {any} given what the reader said, for "you: …" */
function said(spec, given) {
  if (spec.kind === 'choose') return spec.options[given].text;
  if (spec.kind === 'number') return `${given}${spec.unit ? ` ${spec.unit}` : ''}`;
  return given.length ? given.join('; ') : 'none';
}

/** @param {Data} spec @param {string[]} given */
function judgePick(spec, given) {
  const right = new Set(spec.answer);
  const hits = given.filter((key) => right.has(key)).length;
  if (hits === right.size && hits === given.length) return { ok: true, reply: spec.right };
  const same = (/** @type {string[]} */ keys) => keys.length === given.length && keys.every((k) => given.includes(k));
  const exact = spec.replies.find((/** @type {any[]} */ r) => same(r[0]));
  const part = spec.replies.find((/** @type {any[]} */ r) => r[0].length === 1 && given.includes(r[0][0]) && !right.has(r[0][0]));
  const found = exact || part;
  const tally = `${hits} of your ${given.length} are right; ${right.size - hits} more are missing.`;
  return { ok: false, reply: found ? found[1] : (spec.otherwise || tally) };
}

/**
 * @param {Data} spec @param {any} given an index, a number, or keys
 * @returns {{ok: boolean, reply: string}}
 */
function judge(spec, given) {
  if (spec.kind === 'choose') {
    const ok = given === spec.answer;
    const option = spec.options[given];
    const words = option.reply || (ok ? spec.right : spec.otherwise || 'No.');
    return { ok, reply: option.measured ? `${words} (${option.measured})` : words };
  }
  if (spec.kind === 'pick') return judgePick(spec, given);
  const near = (/** @type {number} */ x) => Math.abs(given - x) <= spec.tolerance + 1e-12;
  if (near(spec.answer)) return { ok: true, reply: spec.right };
  const found = spec.replies.find((/** @type {any[]} */ r) => near(r[0]));
  return { ok: false, reply: found ? found[1] : (spec.otherwise || `${given} is too ${given > spec.answer ? 'large' : 'small'}.`) };
}

/**
 * @param {Data} spec @param {(given: number) => void} answer
 * @returns {HTMLElement}
 */
function askChoose(spec, answer) {
  return el('div', { class: 'mdl-options', role: 'group', 'aria-label': 'answers' },
    ...spec.options.map((/** @type {Data} */ option, /** @type {number} */ i) => el('button', {
      type: 'button', class: 'mdl-option', 'data-option': i, onclick: () => answer(i),
    }, el('span', { class: 'mdl-letter', 'aria-hidden': 'true', text: 'ABCDEF'[i] }), el('span', {}, rich(option.text)))));
}

/**
 * @param {Data} spec @param {(given: number) => void} answer @param {(text: string) => void} tell
 * @returns {HTMLElement}
 */
function askNumber(spec, answer, tell) {
  const id = freshId('number');
  const input = /** @type {HTMLInputElement} */ (el('input', { id, type: 'text', inputmode: 'decimal', autocomplete: 'off', size: 8, class: 'mdl-input', 'aria-label': spec.unit ? `your answer in ${spec.unit}` : 'your answer' }));
  return el('form', { class: 'mdl-number', onsubmit: (/** @type {Event} */ e) => {
    e.preventDefault();
    const value = readNumber(input.value);
    if (Number.isNaN(value)) tell('Write a number, such as 24 or 3/4.'); else answer(value);
  } }, input, spec.unit ? el('span', { class: 'mdl-unit', text: spec.unit }) : null,
  el('button', { type: 'submit', class: 'mdl-button', text: 'Check' }));
}

/**
 * @param {Data} spec @param {HTMLElement} host where the panels are @param {(given: string[]) => void} answer
 * @returns {{node: HTMLElement, stop: () => void}}
 */
function askPick(spec, host, answer) {
  /** @type {string[]} */
  let now = [];
  const panels = /** @type {HTMLElement[]} */ ([...host.querySelectorAll('[data-panel]')]);
  const panel = panels.find((p) => p.getAttribute('data-panel') === spec.panel) || panels[0];
  const tally = el('span', { class: 'mdl-tally', 'aria-live': 'polite', text: 'nothing picked yet' });
  const stop = pickFrom(panel, spec.only || [], (keys) => {
    now = keys;
    tally.textContent = keys.length ? `picked: ${keys.join('; ')}` : 'nothing picked yet';
  });
  return { stop, node: el('div', { class: 'mdl-picker' }, tally, button('Check', 'Check', () => answer(now))) };
}

/**
 * The controls of a question, by its kind.
 * @param {Data} spec @param {HTMLElement} host @param {(given: any) => void} answer @param {(text: string) => void} tell
 * @returns {{node: HTMLElement, stop: () => void}}
 */
function askControls(spec, host, answer, tell) {
  if (spec.kind === 'pick') return askPick(spec, host, answer);
  const node = spec.kind === 'choose' ? askChoose(spec, answer) : askNumber(spec, answer, tell);
  return { node, stop: () => {} };
}

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

/**
 * Player: time.  First, back, play, next, last; a strip of the whole run; a
 * slider with its milestones; questions that pause; a link to every frame.
 */

/**
 * @typedef {{root: HTMLElement, data: Data, frames: Data[], at: number, timer: number,
 *   answers: Map<number, Data>, nudged: number, stop: () => void, ui: Record<string, HTMLElement>,
 *   scene?: (i: number) => void, after?: () => void}} Player  `scene` draws over something else than panels
 */

/** @param {Data[]} frames @param {number} i @returns {Data} an empty frame before the first */
function frameBefore(frames, i) {
  return i > 0 ? frames[i - 1] : { panels: [], counters: [] };
}

/** @param {Player} me @param {number} i the pictures and counters of a frame */
function drawBody(me, i) {
  const frame = me.frames[i];
  const before = frameBefore(me.frames, i);
  if (!frame.sides) return el('div', {}, drawStage(frame.panels, before.panels), frame.counters.length ? drawCounters(frame.counters, before.counters) : null);
  const old = before.sides || [{ panels: [] }, { panels: [] }];
  const halves = frame.sides.map((/** @type {Data} */ side, /** @type {number} */ s) => el('div', { class: 'mdl-side' },
    el('div', { class: 'mdl-side-name' }, rich(me.data.labels[s])),
    drawStage(side.panels, old[s].panels, frame.sides[1 - s].panels), el('p', { class: 'mdl-side-caption' }, rich(side.caption))));
  return el('div', {}, el('div', { class: 'mdl-sides' }, ...halves), drawRatios(frame.sides, me.data.labels));
}

/** @param {Player} me @param {number} i @returns {number} the frame whose question was last asked, or −1 */
function lastAsk(me, i) {
  for (let k = i; k >= 0; k -= 1) if (me.frames[k].ask) return k;
  return -1;
}

/** @param {Player} me @param {number} i */
function waiting(me, i) {
  return !!me.frames[i].ask && !me.answers.has(i);
}

/** @param {Player} me @param {number} i @param {boolean} [measuring] the words below the pictures */
function drawWords(me, i, measuring) {
  const frame = me.frames[i];
  const asked = lastAsk(me, i);
  const answer = asked >= 0 ? me.answers.get(asked) : undefined;
  const out = el('div', {}, measuring ? drawCaption(frame) : null);
  if (waiting(me, i)) out.append(drawAsk(me, i, !!measuring));
  else {
    const why = drawWhy(frame.why);
    if (why) out.append(why);
    if (answer) out.append(drawRecord(me.frames[asked].ask, answer));
  }
  return out;
}

/** @param {Player} me @param {number} i @param {boolean} measuring */
function drawAsk(me, i, measuring) {
  const spec = me.frames[i].ask;
  const note = el('span', { class: 'mdl-note', role: 'status' });
  const done = (/** @type {any} */ given) => {
    me.answers.set(i, given === null ? { given, ok: true, reply: '' } : { given, ...judge(spec, given) });
    const passed = given === null;
    showFrame(me, passed && i + 1 < me.frames.length ? i + 1 : i);
    me.ui.next.focus();
  };
  const host = measuring ? el('div', {}, el('div', { 'data-panel': '' })) : me.ui.body;
  const made = askControls(spec, host, done, (text) => { note.textContent = text; });
  if (!measuring) me.stop = made.stop;
  const showMe = button('Show me', 'Show me', () => done(null), { 'data-act': 'show' });
  return el('div', { class: 'mdl-ask', role: 'group', 'aria-label': 'question' },
    el('p', { class: 'mdl-question' }, el('span', { class: 'mdl-ask-mark', 'aria-hidden': 'true', text: '? ' }), rich(spec.question)),
    el('div', { class: 'mdl-ask-row' }, made.node, showMe), note);
}

/** @param {Player} me @param {number} i */
function showFrame(me, i) {
  me.stop();
  me.stop = () => {};
  me.at = Math.max(0, Math.min(me.frames.length - 1, i));
  const { ui, at } = me;
  if (me.scene) me.scene(at);
  else ui.body.replaceChildren(drawBody(me, at));
  ui.caption.replaceChildren(drawCaption(me.frames[at]));
  ui.words.replaceChildren(drawWords(me, at));
  if (me.after) me.after();
  if (!me.scene) settle(ui.body);
  /** @type {HTMLInputElement} */ (ui.slider).value = String(at + 1);
  ui.slider.setAttribute('aria-valuetext', `frame ${at + 1} of ${me.frames.length}: ${me.frames[at].title || me.frames[at].caption}`);
  ui.count.textContent = `${at + 1} / ${me.frames.length}`;
  [...ui.strip.children].forEach((cell, k) => cell.classList.toggle('mdl-here', k === at));
  for (const name of ['first', 'back']) ui[name].toggleAttribute('aria-disabled', at === 0);
  for (const name of ['next', 'last']) ui[name].toggleAttribute('aria-disabled', at === me.frames.length - 1);
  ['first', 'back', 'next', 'last'].forEach((n) => { if (ui[n].hasAttribute('aria-disabled')) ui[n].setAttribute('aria-disabled', 'true'); });
  me.root.setAttribute('data-frame', String(at + 1));
}

/** @param {Player} me one step; a question asks to be answered once, and lets pass the second time */
function stepOn(me) {
  if (waiting(me, me.at) && me.nudged !== me.at) {
    me.nudged = me.at;
    pause(me);
    const note = me.ui.words.querySelector('.mdl-note');
    if (note) note.textContent = 'What do you expect? Next again shows it.';
    const first = /** @type {HTMLElement|null} */ (me.ui.words.querySelector('.mdl-ask button, .mdl-ask input'));
    if (first && !me.ui.root.contains(document.activeElement)) first.focus();
    return;
  }
  if (waiting(me, me.at)) me.answers.set(me.at, { given: null, ok: true, reply: '' });
  showFrame(me, me.at + 1);
}

/** @param {Player} me */
function pause(me) {
  window.clearInterval(me.timer);
  me.timer = 0;
  me.ui.play.textContent = '▶';
  me.ui.play.setAttribute('aria-label', 'Play');
}

/** @param {Player} me */
function playOrPause(me) {
  if (me.timer) { pause(me); return; }
  if (me.at === me.frames.length - 1) showFrame(me, 0);
  me.ui.play.textContent = '❚❚';
  me.ui.play.setAttribute('aria-label', 'Pause');
  me.timer = window.setInterval(() => {
    if (waiting(me, me.at) || me.at === me.frames.length - 1 || !me.root.isConnected) pause(me);
    else showFrame(me, me.at + 1);
  }, 1500);
}

/** @param {Player} me @param {number} sign the next milestone in a direction, or the end */
function toMilestone(me, sign) {
  let i = me.at + sign;
  while (i > 0 && i < me.frames.length - 1 && !me.frames[i].milestone) i += sign;
  showFrame(me, i);
}

/** @param {Player} me @param {KeyboardEvent} e */
function playerKeys(me, e) {
  if (writing(e.target) || e.altKey || e.ctrlKey || e.metaKey) return;
  const onButton = /** @type {Element} */ (e.target).closest('button, a');
  /** @type {Record<string, () => void>} */
  const acts = {
    ArrowRight: () => (e.shiftKey ? toMilestone(me, 1) : stepOn(me)),
    ArrowLeft: () => (e.shiftKey ? toMilestone(me, -1) : showFrame(me, me.at - 1)),
    Home: () => showFrame(me, 0),
    End: () => showFrame(me, me.frames.length - 1),
  };
  if (!onButton) acts[' '] = () => playOrPause(me);
  if (!acts[e.key]) return;
  if (e.key !== ' ') pause(me);
  acts[e.key]();
  e.preventDefault();
}

/**
 * Player, its parts: the strip, the slider with ticks, the controls, the reserved space.
 */

/** @param {Player} me the whole run at once: a column a frame, its height the overview's number */
function makeStrip(me) {
  const heights = me.data.overview || me.frames.map(() => 1);
  const top = Math.max(...heights, 1e-9);
  return el('div', { class: 'mdl-strip', 'aria-hidden': 'true' }, ...me.frames.map((frame, i) => el('div', {
    class: `mdl-tick ${frame.milestone ? 'mdl-tick-mile' : ''} ${frame.ask ? 'mdl-tick-ask' : ''}`,
    title: `${i + 1}. ${frame.milestone || frame.title || ''}`, onclick: () => showFrame(me, i),
  }, el('span', { style: `height:${Math.max(8, (100 * heights[i]) / top)}%` }))));
}

/** @param {Player} me */
function makeSlider(me) {
  const n = me.frames.length;
  const slider = el('input', { type: 'range', min: 1, max: n, step: 1, value: 1, class: 'mdl-slider', 'aria-label': 'frame',
    oninput: (/** @type {Event} */ e) => { pause(me); showFrame(me, Number(/** @type {HTMLInputElement} */ (e.target).value) - 1); } });
  const marks = me.frames.map((frame, i) => (frame.milestone ? el('span', { class: 'mdl-mile', title: frame.milestone,
    style: `left:${n > 1 ? (100 * i) / (n - 1) : 0}%`, onclick: () => showFrame(me, i) }) : null));
  me.ui.slider = slider;
  return el('div', { class: 'mdl-slide' }, slider, el('div', { class: 'mdl-miles', 'aria-hidden': 'true' }, ...marks));
}

/** @param {Player} me "next branch", "next barrier": jumps a long run offers */
function makeJumps(me) {
  const tags = [...new Set(me.frames.flatMap((f) => f.tags || []))];
  if (!tags.length) return null;
  const jump = (/** @type {string} */ tag) => () => {
    const found = me.frames.findIndex((f, i) => i > me.at && (f.tags || []).includes(tag));
    if (found >= 0) showFrame(me, found);
    else me.ui.status.textContent = `no further ${tag}`;
  };
  return el('span', { class: 'mdl-jumps' }, el('span', { text: 'next ' }), ...tags.map((tag) => button(`next ${tag}`, tag, jump(tag))));
}

/** @param {Player} me */
function makeControls(me) {
  const { ui } = me;
  const quiet = (/** @type {() => void} */ act) => () => { pause(me); act(); };
  ui.first = button('First', '⏮', quiet(() => showFrame(me, 0)), { 'data-act': 'first' });
  ui.back = button('Back', '◀', quiet(() => showFrame(me, me.at - 1)), { 'data-act': 'back' });
  ui.play = button('Play', '▶', () => playOrPause(me), { 'data-act': 'play', class: 'mdl-button mdl-play' });
  ui.next = button('Next', '▶', quiet(() => stepOn(me)), { 'data-act': 'next' });
  ui.last = button('Last', '⏭', quiet(() => showFrame(me, me.frames.length - 1)), { 'data-act': 'last' });
  ui.first.textContent = '|◂'; ui.back.textContent = '◂'; ui.next.textContent = '▸'; ui.last.textContent = '▸|';
  ui.count = el('span', { class: 'mdl-count' });
  ui.status = el('span', { class: 'mdl-status', role: 'status' });
  const copy = button('Copy a link to this frame', '🔗', () => copyLink(me.data.name, me.at + 1, ui.status), { 'data-act': 'link' });
  copy.textContent = 'link';
  return el('div', { class: 'mdl-controls' }, el('span', { class: 'mdl-transport' }, ui.first, ui.back, ui.play, ui.next, ui.last),
    makeSlider(me), ui.count, copy, makeJumps(me), ui.status);
}

/** @param {HTMLElement} node @returns {number} whole pixels that hold it */
function tallness(node) {
  return Math.ceil(node.getBoundingClientRect().height);
}

/** @param {Player} me @param {number} i what stands below the pictures, at its tallest; over a scene a question takes its room from there */
function largest(me, i) {
  return me.scene ? el('div', {}, drawCaption(me.frames[i]), drawWhy(me.frames[i].why)) : drawWords(me, i, true);
}

/** @param {Player} me space for the largest frame, so that nothing jumps */
function reserve(me) {
  const width = me.root.clientWidth;
  if (!width) return;
  const probe = el('div', { class: 'mdl-measure', 'aria-hidden': 'true' });
  me.root.append(probe);
  let [tall, stage, both] = [0, 0, 0];
  const every = Math.max(1, Math.ceil(me.frames.length / 80));
  for (let i = 0; i < me.frames.length; i += every) {
    const words = largest(me, i);
    const body = me.scene ? el('div') : drawBody(me, i);
    probe.replaceChildren(body, words);
    tall = Math.max(tall, tallness(words));
    stage = Math.max(stage, tallness(body));
    both = Math.max(both, tallness(words) + tallness(body));
  }
  probe.remove();
  if (me.scene) { me.ui.scene.style.setProperty('--mdl-said', `${tall}px`); return; }
  const small = window.innerWidth < 720;  // there the words follow the picture, and what is left lies below both
  me.ui.body.style.minHeight = small ? '' : `${stage}px`;
  me.ui.say.style.minHeight = small ? '' : `${tall}px`;
  me.ui.room.style.minHeight = small ? `calc(${both}px + 1.3rem)` : '';
}

/** @param {HTMLElement} root @param {() => void} act whenever the width changes, once at rest */
function onWidth(root, act) {
  let [last, timer] = [0, 0];
  if (!window.ResizeObserver) { act(); return; }
  new ResizeObserver(() => {
    if (root.clientWidth === last) return;
    last = root.clientWidth;
    window.clearTimeout(timer);
    timer = window.setTimeout(act, 60);
  }).observe(root);
}

/** @param {Player} me whether a link named a frame of this player */
function followLink(me) {
  const place = linked();
  if (!place || place.name !== me.data.name) return;
  showFrame(me, place.frame - 1);
  me.root.scrollIntoView({ behavior: calm() ? 'auto' : 'smooth', block: me.root.offsetHeight > window.innerHeight ? 'start' : 'center' });
}

const LEGEND = [['cur', '▶', 'current'], ['chg', '•', 'changed'], ['ref', '=', 'expected'], ['differs', '', 'differs from the other']];

/** @param {Data[]} frames only the roles that this run uses */
function makeLegend(frames) {
  const text = JSON.stringify(frames);
  const used = LEGEND.filter(([role]) => (role === 'ref' ? /"reference":\["?\d|"role":"ref"|"ref":"/.test(text)
    : role !== 'differs' || text.includes('"sides"')));
  return el('div', { class: 'mdl-legend' }, ...used.map(([role, sign, word]) => el('span', {},
    el('span', { class: `mdl-swatch mdl-${role}`, 'aria-hidden': 'true', text: sign }), word)));
}

/** @param {HTMLElement} root @param {Data} data */
function startPlayer(root, data) {
  /** @type {Player} */
  const me = { root, data, frames: decodeFrames(data.frames), at: 0, timer: 0, answers: new Map(), nudged: -1, stop: () => {}, ui: {} };
  const { ui } = me;
  ui.root = root;
  ui.body = el('div', { class: 'mdl-body' });
  ui.caption = el('div', { 'aria-live': 'polite', 'aria-atomic': 'true' });
  ui.words = el('div', { class: 'mdl-words' });
  ui.say = el('div', { class: 'mdl-say' }, ui.caption, ui.words);
  ui.strip = makeStrip(me);
  const head = el('div', { class: 'mdl-head' }, el('div', { class: 'mdl-title' }, rich(data.title)), makeLegend(me.frames));
  ui.room = el('div', { class: 'mdl-room' }, ui.body, ui.say);
  root.replaceChildren(head, ui.strip, ui.room, makeControls(me));
  root.setAttribute('tabindex', '0');
  root.addEventListener('keydown', (e) => playerKeys(me, e));
  window.addEventListener('hashchange', () => followLink(me));
  showFrame(me, 0);
  followLink(me);
  onWidth(root, () => { reserve(me); });
}

/**
 * Explorer: knobs.  One to three parameters, every combination computed beforehand.
 */

/** @param {Data} data @param {number[]} at index of each parameter @returns {number} the frame */
function tableIndex(data, at) {
  return data.params.reduce((/** @type {number} */ sum, /** @type {Data} */ p, /** @type {number} */ i) => sum * p.values.length + at[i], 0);
}

/**
 * @param {Data} param @param {number} start @param {(i: number) => void} change
 * @returns {{node: HTMLElement, input: HTMLInputElement|HTMLSelectElement, set: (i: number) => void}}
 */
function makeKnob(param, start, change) {
  const id = freshId('knob');
  const shown = el('output', { for: id, class: 'mdl-knob-value' });
  const ordered = param.values.every((/** @type {string} */ v) => !Number.isNaN(Number(v)));
  const input = /** @type {HTMLInputElement} */ (ordered
    ? el('input', { id, type: 'range', min: 0, max: param.values.length - 1, step: 1, value: start, class: 'mdl-slider' })
    : el('select', { id, class: 'mdl-select' }, ...param.values.map((/** @type {string} */ v, /** @type {number} */ i) => el('option', { value: i, text: v }))));
  const tell = (/** @type {number} */ i) => {
    shown.textContent = ordered ? `${param.values[i]}${param.unit ? ` ${param.unit}` : ''}` : '';
    if (ordered) input.setAttribute('aria-valuetext', `${param.values[i]} ${param.unit}`.trim());
  };
  input.addEventListener('input', () => { tell(Number(input.value)); change(Number(input.value)); });
  input.value = String(start);
  tell(start);
  return { input, set: (i) => { input.value = String(i); tell(i); },
    node: el('div', { class: 'mdl-knob', 'data-knob': param.name }, el('label', { for: id }, rich(param.label)), input, shown) };
}

/** @param {string} sentence @param {Data} data @param {Data} frame @param {number[]} at @param {(p: number, i: number) => void} turn */
function drawSentence(sentence, data, frame, at, turn) {
  const out = el('p', { class: 'mdl-sentence' });
  sentence.split(/\{([^}]+)\}/).forEach((part, i) => {
    const p = data.params.findIndex((/** @type {Data} */ q) => q.name === part);
    const c = frame.counters.find((/** @type {Data} */ q) => q.name === part);
    if (i % 2 === 0) out.append(rich(part));
    else if (p >= 0) {
      const choice = /** @type {HTMLSelectElement} */ (el('select', { class: 'mdl-handle', 'aria-label': data.params[p].label,
        onchange: () => turn(p, Number(choice.value)) }, ...data.params[p].values.map((/** @type {string} */ v, /** @type {number} */ k) => el('option', { value: k, text: v }))));
      choice.value = String(at[p]);
      out.append(choice);
    } else out.append(el('strong', { text: c ? c.value : '' }));
  });
  return out;
}

/** @param {HTMLElement} root @param {Data} data */
function startExplorer(root, data) {
  const frames = decodeFrames(data.frames);
  const at = data.params.map((/** @type {Data} */ p) => p.start);
  const body = el('div', { class: 'mdl-body' });
  const say = el('div', { class: 'mdl-say' });
  const caption = el('div', { 'aria-live': 'polite', 'aria-atomic': 'true' });
  const sentence = el('div');
  say.append(caption);
  const show = (/** @type {boolean} */ resentence) => {
    const frame = frames[tableIndex(data, at)];
    body.replaceChildren(drawStage(frame.panels, []), frame.counters.length ? drawCounters(frame.counters, []) : '');
    caption.replaceChildren(drawCaption(frame));
    settle(body);
    root.setAttribute('data-frame', String(tableIndex(data, at) + 1));
    if (data.sentence && resentence) sentence.replaceChildren(drawSentence(data.sentence, data, frame, at, turn));
  };
  const knobs = data.params.map((/** @type {Data} */ p, /** @type {number} */ i) => makeKnob(p, p.start, (v) => { at[i] = v; show(true); }));
  /** @param {number} p @param {number} i */
  function turn(p, i) {
    at[p] = i;
    knobs[p].set(i);
    show(true);
    const handle = /** @type {HTMLElement} */ (sentence.querySelectorAll('select')[[...data.sentence.matchAll(/\{([^}]+)\}/g)]
      .filter((m) => data.params.some((/** @type {Data} */ q) => q.name === m[1])).findIndex((m) => m[1] === data.params[p].name)]);
    if (handle) handle.focus();
  }
  root.replaceChildren(el('div', { class: 'mdl-head' }, el('div', { class: 'mdl-title' }, rich(data.title))),
    el('div', { class: 'mdl-knobs' }, ...knobs.map((/** @type {Data} */ k) => k.node)), sentence, body, say);
  const place = linked();
  if (place && place.name === data.name && frames[place.frame - 1]) setFromFrame(data, at, knobs, place.frame - 1);
  show(true);
  onWidth(root, () => reserveTable(root, frames, body, say));
}

/** @param {Data} data @param {number[]} at @param {Data[]} knobs @param {number} index */
function setFromFrame(data, at, knobs, index) {
  let rest = index;
  for (let i = data.params.length - 1; i >= 0; i -= 1) {
    at[i] = rest % data.params[i].values.length;
    rest = Math.floor(rest / data.params[i].values.length);
    knobs[i].set(at[i]);
  }
}

/** @param {HTMLElement} root @param {Data[]} frames @param {HTMLElement} body @param {HTMLElement} say */
function reserveTable(root, frames, body, say) {
  const probe = el('div', { class: 'mdl-measure', 'aria-hidden': 'true' });
  root.append(probe);
  let [tall, words] = [0, 0];
  const every = Math.max(1, Math.ceil(frames.length / 60));
  for (let i = 0; i < frames.length; i += every) {
    const picture = el('div', {}, drawStage(frames[i].panels, []), frames[i].counters.length ? drawCounters(frames[i].counters, []) : null);
    const caption = drawCaption(frames[i]);
    probe.replaceChildren(picture, caption);
    tall = Math.max(tall, tallness(picture));
    words = Math.max(words, tallness(caption));
  }
  probe.remove();
  body.style.minHeight = `${tall}px`;
  say.style.minHeight = `${words}px`;
}

/**
 * Puzzle: the reader's move.  Every answer was judged by the engine beforehand;
 * each likely wrong one has its own reply.  Nothing is ever locked.
 */

/**
 * @typedef {{root: HTMLElement, data: Data, spec: Data, which: number, tries: number,
 *   ui: Record<string, HTMLElement>, stop: () => void}} Puzzle
 */

/** @param {Puzzle} me @param {boolean} ok @param {string} reply */
function answerPuzzle(me, ok, reply) {
  me.tries += 1;
  me.ui.reply.className = `mdl-reply ${ok ? 'mdl-right-answer' : 'mdl-wrong-answer'}`;
  me.ui.reply.replaceChildren(el('strong', { text: ok ? '✓ Right. ' : '✗ Not yet. ' }), rich(reply || ''));
  me.root.setAttribute('data-verdict', ok ? 'right' : 'wrong');
  if (!ok) return;
  store.set(`solved.${me.data.name}`, '1');
  showSolved(me);
}

/** @param {Puzzle} me */
function showSolved(me) {
  const solved = store.get(`solved.${me.data.name}`) === '1';
  me.root.toggleAttribute('data-solved', solved);
  me.ui.badge.textContent = solved ? '✓ solved' : '';
}

/** @param {Puzzle} me */
function puzzleControls(me) {
  const { spec } = me;
  if (me.data.puzzle === 'order') return orderControls(me);
  if (me.data.puzzle === 'fill') return fillControls(me);
  if (me.data.puzzle === 'build') return buildControls(me);
  const tell = (/** @type {string} */ text) => { me.ui.reply.className = 'mdl-reply'; me.ui.reply.textContent = text; };
  const made = askControls(spec, me.ui.body, (given) => {
    const { ok, reply } = judge(spec, given);
    answerPuzzle(me, ok, reply);
  }, tell);
  me.stop = made.stop;
  return made.node;
}

/** @param {Puzzle} me @param {number} which variant */
function showVariant(me, which) {
  me.stop();
  me.stop = () => {};
  me.which = which;
  me.spec = me.data.variants[which];
  me.ui.question.replaceChildren(rich(me.spec.question));
  me.ui.body.replaceChildren(me.spec.panels.length ? drawStage(me.spec.panels, []) : '');
  me.ui.reply.className = 'mdl-reply';
  me.ui.reply.textContent = '';
  me.ui.controls.replaceChildren(puzzleControls(me));
  me.ui.hints.replaceChildren(...makeHints(me));
  me.root.removeAttribute('data-verdict');
  me.root.setAttribute('data-variant', String(which));
  settle(me.ui.body);
}

const LAYERS = ['Hint: a nudge', 'Hint: the plan', 'Hint: the full answer'];

/** @param {Puzzle} me hints in layers: nudge, plan, full */
function makeHints(me) {
  const shown = el('ol', { class: 'mdl-hint-list', 'aria-live': 'polite' });
  const { hints } = me.spec;
  let next = 0;
  const ask = button(LAYERS[0], LAYERS[0], () => {
    if (next >= hints.length) return;
    shown.append(el('li', {}, el('strong', { text: `${LAYERS[next].replace('Hint: ', '')}: ` }), rich(hints[next])));
    next += 1;
    ask.textContent = next < hints.length ? LAYERS[next] : 'no more hints';
    if (next >= hints.length) ask.setAttribute('aria-disabled', 'true');
  }, { 'data-act': 'hint' });
  const more = me.data.variants.length > 1
    ? button('Another one', 'Another one', () => showVariant(me, (me.which + 1) % me.data.variants.length), { 'data-act': 'another' }) : null;
  return [el('div', { class: 'mdl-hint-row' }, ask, more), shown];
}

/** @param {HTMLElement} root @param {Data} data */
function startPuzzle(root, data) {
  /** @type {Puzzle} */
  const me = { root, data, spec: data.variants[0], which: 0, tries: 0, ui: {}, stop: () => {} };
  const { ui } = me;
  ui.badge = el('span', { class: 'mdl-badge' });
  ui.question = el('p', { class: 'mdl-question' });
  ui.body = el('div', { class: 'mdl-body' });
  ui.controls = el('div', { class: 'mdl-answer' });
  ui.reply = el('p', { class: 'mdl-reply', role: 'status' });
  ui.hints = el('div', { class: 'mdl-hints' });
  root.replaceChildren(el('div', { class: 'mdl-head' }, el('div', { class: 'mdl-title' }, el('span', { class: 'mdl-ask-mark', 'aria-hidden': 'true', text: '? ' }), rich(data.title)), ui.badge),
    ui.question, ui.body, ui.controls, ui.reply, ui.hints);
  showVariant(me, 0);
  showSolved(me);
}

/**
 * Puzzle, the kinds that are no plain question: order, fill, build.
 */

/** @param {number[]} at @param {number[]} sizes @returns {number} place in a table of all answers */
function mixed(at, sizes) {
  return at.reduce((sum, digit, i) => sum * sizes[i] + digit, 0);
}

/** @param {Puzzle} me @returns {HTMLElement} */
function orderControls(me) {
  const { spec } = me;
  /** @type {number[]} */
  const now = spec.items.map((/** @type {string} */ _, /** @type {number} */ i) => i);
  const list = el('ol', { class: 'mdl-order' });
  /** @param {number} place @param {number} by */
  const move = (place, by) => {
    const to = place + by;
    if (to < 0 || to >= now.length) return;
    [now[place], now[to]] = [now[to], now[place]];
    draw();
    const row = list.children[to];
    const same = /** @type {HTMLElement} */ (row.querySelector(by < 0 ? '[data-move="up"]' : '[data-move="down"]'));
    same.focus();
  };
  const draw = () => list.replaceChildren(...now.map((item, place) => el('li', { 'data-item': item },
    codeLine(spec.items[item], spec.lang),
    el('span', { class: 'mdl-moves' }, button(`move line ${place + 1} up`, '↑', () => move(place, -1), { 'data-move': 'up' }),
      button(`move line ${place + 1} down`, '↓', () => move(place, 1), { 'data-move': 'down' })))));
  draw();
  const check = () => {
    const broken = spec.needs.find((/** @type {number[]} */ [a, b]) => now.indexOf(a) < now.indexOf(b));
    if (!broken) { answerPuzzle(me, true, spec.right); return; }
    const own = spec.replies.find((/** @type {any[]} */ r) => r[0] === broken[0] && r[1] === broken[1]);
    answerPuzzle(me, false, own ? own[2] : `\`${spec.items[broken[0]]}\` needs \`${spec.items[broken[1]]}\` before it.`);
  };
  return el('div', {}, list, button('Check', 'Check', check, { 'data-act': 'check' }));
}

/** @param {string} label @param {string[]} options @param {string} empty @param {() => void} change */
function chooser(label, options, empty, change) {
  return /** @type {HTMLSelectElement} */ (el('select', { class: 'mdl-select', 'aria-label': label, onchange: change },
    empty ? el('option', { value: '', text: empty }) : null,
    ...options.map((text, i) => el('option', { value: i, text }))));
}

/** @param {Puzzle} me @returns {HTMLElement} */
function fillControls(me) {
  const { spec } = me;
  const blanks = spec.parts.slice(1).map((/** @type {string} */ _, /** @type {number} */ i) => chooser(`blank ${i + 1}`, spec.bank, '……', () => {}));
  const text = el('div', { class: 'mdl-fill' });
  spec.parts.forEach((/** @type {string} */ part, /** @type {number} */ i) => {
    if (i) text.append(blanks[i - 1]);
    text.append(part);
  });
  const check = () => {
    const at = blanks.map((/** @type {HTMLSelectElement} */ b) => (b.value === '' ? -1 : Number(b.value)));
    if (at.includes(-1)) { me.ui.reply.textContent = `Blank ${at.indexOf(-1) + 1} is still empty.`; return; }
    const place = mixed(at, at.map(() => spec.bank.length));
    if (spec.accept.includes(place)) { answerPuzzle(me, true, spec.right); return; }
    const own = spec.replies.find((/** @type {any[]} */ r) => at[r[0]] === r[1]);
    answerPuzzle(me, false, own ? own[2] : (spec.otherwise || 'The engine rejects this one.'));
  };
  return el('div', {}, text, button('Check', 'Check', check, { 'data-act': 'check' }));
}

/** @param {Puzzle} me @returns {HTMLElement} */
function buildControls(me) {
  const { spec } = me;
  const goal = `goal: at ${spec.goal === 'least' ? 'most' : 'least'} ${spec.target} ${spec.unit} · best possible: ${spec.best} ${spec.unit}`;
  const log = el('ol', { class: 'mdl-log', 'aria-label': 'what you tried' });
  const pickers = spec.choices.map((/** @type {Data} */ c) => chooser(c.label, c.options, '', () => {}));
  const rows = spec.choices.map((/** @type {Data} */ c, /** @type {number} */ i) => el('label', { class: 'mdl-choice' }, el('span', {}, rich(c.label)), pickers[i]));
  const check = () => {
    const at = pickers.map((/** @type {HTMLSelectElement} */ p) => Number(p.value));
    const place = mixed(at, spec.choices.map((/** @type {Data} */ c) => c.options.length));
    const value = spec.values[place];
    const note = spec.notes[spec.note_of[place]] || '';
    const words = at.map((/** @type {number} */ d, /** @type {number} */ i) => spec.choices[i].options[d]).join(', ');
    log.append(el('li', { text: `${words}: ${value === null ? 'not allowed' : `${value} ${spec.unit}`}` }));
    if (value === null) { answerPuzzle(me, false, note || 'The engine refuses this choice.'); return; }
    const ok = spec.goal === 'least' ? value <= spec.target : value >= spec.target;
    const best = value === spec.best ? 'Nothing does better.' : `The best possible is ${spec.best} ${spec.unit}.`;
    answerPuzzle(me, ok, `${value} ${spec.unit}. ${note} ${ok ? `${best} ${spec.right}` : `The goal is ${spec.target} ${spec.unit}.`}`);
  };
  return el('div', {}, el('p', { class: 'mdl-goal', text: goal }), el('div', { class: 'mdl-choices' }, ...rows),
    button('Measure', 'Measure', check, { 'data-act': 'check' }), log);
}

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

/**
 * Stack explorer: one column a stage, lines tied by the ids they share.
 * Pointing marks the relatives everywhere, clicking pins, a tour plays over it.
 */

/**
 * @typedef {{root: HTMLElement, data: Data, texts: string[][], shown: number[], columns: Map<number, HTMLElement>, loose: Array<Set<number>>,
 *   pinned: boolean, toured: boolean, untold: boolean, own: Set<string>, filter: string, piled: boolean, room: number, ui: Record<string, any>}} Stack
 */

/** @param {Stack} me @param {number} s */
function makeColumn(me, s) {
  const stage = me.data.stages[s];
  const body = drawCode({ lines: me.texts[s], lang: stage.lang, start: 1, current: [], changed: [], reference: [] }, null);
  body.querySelectorAll('.mdl-line').forEach((line, i) => {
    line.setAttribute('role', 'button');
    line.setAttribute('tabindex', i ? '-1' : '0');
    line.setAttribute('aria-pressed', 'false');
  });
  const counts = stage.counts.map((/** @type {string[]} */ [k, v]) => `${v} ${k}`).join(' · ');
  const long = me.texts[s].length > 400 ? ' mdl-long' : '';
  return el('div', { class: `mdl-column mdl-panel-code${long}`, 'data-stage': stage.name, 'data-panel': stage.title, role: 'group', 'aria-label': stage.title,
    style: `--mdl-few:${Math.min(5, me.texts[s].length)}` },
    el('div', { class: 'mdl-panel-head' }, el('span', { class: 'mdl-panel-title', text: stage.title }), el('span', { class: 'mdl-corner', text: counts })), body);
}

/** @param {Stack} me whether a question asks for lines just now */
function picking(me) {
  return !!me.ui.columns.querySelector('.mdl-picking');
}

/** @param {Stack} me how many columns fit, and whether they stand one above the other */
function fit(me) {
  const width = me.root.clientWidth || 720;
  me.piled = window.innerWidth < 720 || width < 480;
  me.room = me.piled || width < 860 ? 2 : 3;
  me.ui.scene.classList.toggle('mdl-piled', me.piled);
}

/** @param {Stack} me @param {number} s whether the tour names lines of this stage */
function named(me, s) {
  return [...me.own].some((key) => key.startsWith(`${s}.`));
}

/** @param {Stack} me @param {number[]} want stages in the order of wish; the first that fit are shown @param {number} [ghost] a stage not told yet */
function showStages(me, want, ghost) {
  me.shown = want.slice(0, me.room).sort((a, b) => a - b);
  if (me.piled && me.toured) me.shown.sort((a, b) => Number(named(me, b)) - Number(named(me, a)));
  me.columns = new Map(me.shown.map((s) => [s, makeColumn(me, s)]));
  const hidden = ghost === undefined ? [] : [makeGhost(me.data.stages[ghost].title)];
  me.ui.columns.replaceChildren(...me.columns.values(), ...hidden, me.ui.links);
  me.ui.columns.style.gridTemplateColumns = [...me.shown, ...hidden].map((s) => `minmax(0, ${typeof s === 'number' ? breadth(me.texts[s], me.shown.length > 2) : 44}fr)`).join(' ');
  me.columns.forEach((column) => column.querySelector('.mdl-lines')?.addEventListener('scroll', () => drawLinks(me)));
  me.ui.columns.classList.toggle('mdl-three', me.shown.length > 2);
  const first = /** @type {HTMLElement} */ (me.ui.tabs.children[Math.min(...me.shown)]);
  me.ui.tabs.scrollLeft = first.offsetLeft - me.ui.tabs.offsetLeft;
  applyFilter(me);
}

/** @param {string[]} lines @param {boolean} three @returns {number} a column's share of the width, by its longest line */
function breadth(lines, three) {
  const longest = lines.reduce((most, line) => Math.max(most, line.length), 0);
  return Math.max(three ? 50 : 40, Math.min(56, longest + 4));
}

/** @param {string} title a column whose text would answer the question */
function makeGhost(title) {
  return el('div', { class: 'mdl-column mdl-ghost' }, el('div', { class: 'mdl-panel-head' }, el('span', { class: 'mdl-panel-title', text: title })),
    el('div', { class: 'mdl-lines', text: 'comes after the question' }));
}

/** @param {Stack} me marks on tabs and lines, then the links */
function drawMarks(me) {
  const asking = picking(me);
  me.data.stages.forEach((/** @type {Data} */ stage, /** @type {number} */ s) => {
    const { near, far } = relatives(me, s);
    const tab = me.ui.tabs.children[s];
    tab.querySelector('.mdl-tab-related').textContent = near.size ? ` ↔ ${near.size}` : '';
    tab.setAttribute('aria-pressed', String(me.shown.includes(s)));
    tab.classList.toggle('mdl-untold', me.untold && !me.shown.includes(s));
    const column = me.columns.get(s);
    if (!column) return;
    column.querySelectorAll('.mdl-line').forEach((line) => {
      const no = Number(line.getAttribute('data-key'));
      const own = me.own.has(`${s}.${no}`);
      const role = own ? 'cur' : near.has(no) ? 'rel' : far.has(no) ? 'far' : '';
      ['cur', 'rel', 'far'].forEach((name) => line.classList.toggle(`mdl-${name}`, role === name));
      if (!asking) line.setAttribute('aria-pressed', String(own && me.pinned));
      const sign = line.firstElementChild; // of drawCode
      if (sign) sign.textContent = { cur: '▶', rel: '↔', far: '', '': '' }[role];
    });
  });
  drawLinks(me);
}

/** @param {Stack} me @param {number} from the column that stays where it is; of the others the marked lines come into view */
function scrollToRelatives(me, from) {
  me.columns.forEach((column, s) => {
    const box = /** @type {HTMLElement} */ (column.querySelector('.mdl-lines'));
    const own = column.querySelectorAll('.mdl-cur');
    const places = [...(own.length ? own : column.querySelectorAll('.mdl-rel'))].map((line) => line.getBoundingClientRect()).filter((at) => at.height);
    if (s === from || !places.length) return;
    const view = box.getBoundingClientRect();
    const top = places[0].top;
    const bottom = places.filter((at) => at.bottom - top <= box.clientHeight).reduce((low, at) => Math.max(low, at.bottom), places[0].bottom);
    if (top < view.top || bottom > view.bottom) box.scrollTop += (top + bottom) / 2 - (view.top + view.bottom) / 2;
  });
}

/** @param {Stack} me @param {number} s @param {number} line */
function point(me, s, line) {
  me.own = new Set([`${s}.${line}`]);
  me.toured = false;
  drawMarks(me);
}

/** @param {Stack} me */
function applyFilter(me) {
  const want = me.filter.toLowerCase();
  let found = 0;
  me.columns.forEach((column, s) => column.querySelectorAll('.mdl-line').forEach((line, i) => {
    const keep = !want || me.texts[s][i].toLowerCase().includes(want);
    line.classList.toggle('mdl-filtered', !keep);
    if (keep && want) found += 1;
  }));
  me.ui.found.textContent = want ? `${found} line${found === 1 ? '' : 's'}` : '';
  drawLinks(me);
}

/** @param {Stack} me @param {Event} e @returns {{s: number, line: number, node: HTMLElement}|null} */
function lineAt(me, e) {
  const node = /** @type {HTMLElement|null} */ (/** @type {Element} */ (e.target).closest('.mdl-line'));
  if (!node) return null;
  const s = [...me.columns.entries()].find(([, column]) => column.contains(node));
  return s ? { s: s[0], line: Number(node.getAttribute('data-key')), node } : null;
}

/** @param {HTMLElement} from @param {HTMLElement} to */
function rove(from, to) {
  from.setAttribute('tabindex', '-1');
  to.setAttribute('tabindex', '0');
  to.focus();
}

/** @param {Stack} me @param {HTMLElement} node @param {number} by the next line that the filter left */
function neighbour(me, node, by) {
  /** @param {Element} from */
  const next = (from) => /** @type {HTMLElement|null} */ (by > 0 ? from.nextElementSibling : from.previousElementSibling);
  let to = next(node);
  while (to && to.classList.contains('mdl-filtered')) to = next(to);
  return to;
}

/** @param {Stack} me @param {KeyboardEvent} e */
function stackKeys(me, e) {
  const at = lineAt(me, e);
  if (!at || e.shiftKey || picking(me)) return;
  const beside = () => {
    const list = [...me.columns.values()];
    const to = list[list.findIndex((c) => c.contains(at.node)) + (e.key === 'ArrowRight' ? 1 : -1)];
    return to ? /** @type {HTMLElement} */ (to.querySelector('.mdl-cur, .mdl-rel') || to.querySelector('.mdl-line:not(.mdl-filtered)')) : null;
  };
  if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
    const to = neighbour(me, at.node, e.key === 'ArrowDown' ? 1 : -1);
    if (to) rove(at.node, to);
  } else if (e.key === 'ArrowLeft' || e.key === 'ArrowRight') {
    const to = beside();
    if (to) rove(to.parentElement?.querySelector('[tabindex="0"]') || to, to);
  } else if (e.key === 'Enter' || e.key === ' ') pin(me, at.s, at.line);
  else if (e.key === 'Escape') { me.pinned = false; drawMarks(me); } else return;
  e.preventDefault();
  e.stopPropagation();
}

/** @param {Stack} me @param {number} s @param {number} line */
function pin(me, s, line) {
  const again = me.pinned && me.own.has(`${s}.${line}`);
  me.pinned = !again;
  point(me, s, line);
  scrollToRelatives(me, s);
  drawLinks(me);
}

/**
 * Stack explorer, its frame: tabs, filter, and the tour that plays over it.
 */

/** @param {Stack} me @param {number} s show or hide a stage; the farthest one makes room */
function toggleStage(me, s) {
  me.ui.found.textContent = picking(me) ? 'pick a line, or Show me' : '';
  if (picking(me)) return;
  const rest = me.shown.filter((k) => k !== s);
  if (me.shown.includes(s)) showStages(me, rest.length ? rest : [s]);
  else showStages(me, [s, ...rest.sort((a, b) => Math.abs(a - s) - Math.abs(b - s))]);
  drawMarks(me);
  scrollToRelatives(me, -1);
  drawLinks(me);
}

/** @param {Stack} me */
function makeTabs(me) {
  return el('div', { class: 'mdl-tabs', role: 'group', 'aria-label': 'stages' }, ...me.data.stages.map((/** @type {Data} */ stage, /** @type {number} */ s) => {
    const [first] = stage.counts;
    return el('button', { type: 'button', class: 'mdl-tab', 'aria-pressed': 'false', 'data-tab': stage.name, onclick: () => toggleStage(me, s) },
      stage.title, el('span', { class: 'mdl-tab-count', text: first ? ` ${first[1]} ${first[0].replace('instructions', 'instr.')}` : '' }), el('span', { class: 'mdl-tab-related' }));
  }));
}

/**
 * The stages of a frame of the tour; one alone gets company: of what came before, else of what comes
 * next, which stays hidden while a question is open.
 * @param {Stack} me @param {number[]} show @param {boolean} open whether a question waits
 */
function company(me, show, open) {
  const enough = me.piled ? 1 : document.fullscreenElement === me.root ? 3 : 2;
  const before = me.data.stages.map((/** @type {Data} */ _, /** @type {number} */ s) => s).filter((/** @type {number} */ s) => s < Math.min(...show)).reverse();
  const all = [...show, ...before.slice(0, Math.max(0, enough - show.length))];
  const next = Math.max(...show) + 1;
  if (all.length >= enough || next >= me.data.stages.length) return { all, ghost: undefined };
  return open ? { all, ghost: next } : { all: [...all, next], ghost: undefined };
}

/** @param {Stack} me @param {any} tour @param {number} i one picture of the tour */
function tourScene(me, tour, i) {
  const { show, lines } = tour.frames[i].view;
  const index = (/** @type {string} */ name) => me.data.stages.findIndex((/** @type {Data} */ s) => s.name === name);
  me.own = new Set(Object.entries(lines).flatMap(([name, numbers]) => numbers.map((/** @type {number} */ line) => `${index(name)}.${line}`)));
  me.pinned = me.own.size > 0;
  me.toured = true;
  me.untold = waiting(tour, i);
  const { all, ghost } = company(me, show.map(index), me.untold);
  showStages(me, all, ghost);
  drawMarks(me);
}

/** @param {Stack} me when the words below stand, the columns have their heights */
function settleTour(me) {
  scrollToRelatives(me, -1);
  drawLinks(me);
  quietOthers(me);
}

/** @param {Stack} me while one column is asked about, the lines of the others are plain text */
function quietOthers(me) {
  if (!picking(me)) return;
  me.columns.forEach((column) => {
    if (column.classList.contains('mdl-picking')) return;
    column.querySelectorAll('.mdl-line').forEach((line) => ['role', 'aria-pressed', 'tabindex'].forEach((a) => line.removeAttribute(a)));
  });
}

/** @param {Stack} me the tour, played by the player over the same columns */
function makeTour(me) {
  const frames = decodeFrames(me.data.tour);
  if (!frames.length) return null;
  const { ui } = me;
  /** @type {Record<string, HTMLElement>} */
  const names = { body: ui.columns, scene: ui.scene, root: me.root, caption: el('div', { 'aria-live': 'polite', 'aria-atomic': 'true' }), words: el('div', { class: 'mdl-words' }) };
  /** @type {any} */
  const tour = { root: me.root, data: me.data, frames, at: 0, timer: 0, answers: new Map(), nudged: -1, stop: () => {}, ui: names,
    scene: (/** @type {number} */ i) => tourScene(me, tour, i), after: () => settleTour(me) };
  names.say = el('div', { class: 'mdl-say' }, names.caption, names.words);
  names.strip = el('div');
  ui.scene.append(names.say);
  tour.controls = makeControls(tour);
  return tour;
}

/** @param {Stack} me */
function listenToLines(me) {
  const { columns } = me.ui;
  columns.addEventListener('mouseover', (/** @type {Event} */ e) => {
    const at = lineAt(me, e);
    if (at && !me.pinned && !picking(me)) point(me, at.s, at.line);
  });
  columns.addEventListener('focusin', (/** @type {Event} */ e) => {
    const at = lineAt(me, e);
    if (!at || picking(me) || !at.node.matches(':focus-visible')) return;
    me.pinned = false;
    point(me, at.s, at.line);
    scrollToRelatives(me, at.s);
    drawLinks(me);
  });
  columns.addEventListener('click', (/** @type {Event} */ e) => {
    const at = lineAt(me, e);
    if (at && !picking(me)) pin(me, at.s, at.line);
  });
  columns.addEventListener('keydown', (/** @type {KeyboardEvent} */ e) => stackKeys(me, e));
}

/** @param {HTMLElement} root @param {Data} data */
function startStack(root, data) {
  const texts = data.stages.map((/** @type {Data} */ stage) => {
    const pre = root.querySelector(`pre[data-stage="${stage.name}"]`);
    return ((pre && pre.textContent) || '').split('\n');
  });
  /** @type {Stack} */
  const me = { root, data, texts, shown: [], columns: new Map(), loose: looseSets(data),
    pinned: false, toured: false, untold: false, own: new Set(), filter: '', piled: false, room: 2, ui: {} };
  me.ui.columns = el('div', { class: 'mdl-columns' });
  me.ui.scene = el('div', { class: 'mdl-scene' }, me.ui.columns);
  me.ui.links = svg('svg', { class: 'mdl-links', 'aria-hidden': 'true' });
  me.ui.found = el('span', { class: 'mdl-found', role: 'status' });
  me.ui.tabs = makeTabs(me);
  const tallest = Math.max(...texts.map((/** @type {string[]} */ t) => t.length));
  me.ui.scene.style.setProperty('--mdl-tall', String(Math.max(6, Math.min(16, tallest))));
  const filter = el('input', { type: 'search', class: 'mdl-input mdl-filter', placeholder: 'filter lines', 'aria-label': 'filter lines',
    oninput: (/** @type {Event} */ e) => { me.filter = /** @type {HTMLInputElement} */ (e.target).value; applyFilter(me); } });
  const wide = root.requestFullscreen ? button('Whole screen', 'whole screen', () => {
    if (document.fullscreenElement) document.exitFullscreen(); else root.requestFullscreen();
  }, { 'data-act': 'wide' }) : null;
  const tour = makeTour(me);
  root.replaceChildren(el('div', { class: 'mdl-head' }, el('div', { class: 'mdl-title' }, rich(data.title)), el('div', { class: 'mdl-tools' }, filter, me.ui.found, wide)),
    me.ui.tabs, me.ui.scene, tour ? tour.controls : '');
  listenToLines(me);
  fit(me);
  const all = data.stages.map((/** @type {any} */ _, /** @type {number} */ i) => i);
  const free = () => { showStages(me, all.slice(0, document.fullscreenElement === root ? 3 : 2)); drawMarks(me); };
  if (tour) startTour(me, tour); else free();
  let had = `${me.room} ${me.piled}`;
  const again = () => {
    fit(me);
    if (tour) reserve(tour);
    const has = `${me.room} ${me.piled} ${document.fullscreenElement === root ? 'whole' : ''}`.trim();
    if (has !== had) { had = has; if (tour) showFrame(tour, tour.at); else free(); }
    drawLinks(me);
  };
  onWidth(root, again);
  root.addEventListener('fullscreenchange', again);
}

/** @param {Stack} me @param {any} tour */
function startTour(me, tour) {
  me.root.setAttribute('tabindex', '0');
  me.root.addEventListener('keydown', (e) => playerKeys(tour, e));
  window.addEventListener('hashchange', () => followLink(tour));
  showFrame(tour, 0);
  followLink(tour);
}

/**
 * Find the widgets of a page and wake them, once each.
 */

/** @type {Record<string, (root: HTMLElement, data: Data) => void>} */
const starters = { player: startPlayer, compare: startPlayer, explorer: startExplorer, puzzle: startPuzzle, stack: startStack };

/** @param {HTMLElement} root */
function wake(root) {
  if (root.hasAttribute('data-minidl-ready')) return;
  const script = root.querySelector('script[type="application/json"]');
  if (!script) return;
  const data = JSON.parse(script.textContent || '');
  starters[data.kind](root, data);
  root.setAttribute('data-minidl-ready', '1');
}

/** @param {HTMLElement} box a listing of the engine's source, coloured */
function colourSource(box) {
  if (box.hasAttribute('data-minidl-ready')) return;
  const start = Number(box.getAttribute('data-start') || 1);
  const pre = box.querySelector('pre');
  if (!pre) return;
  const lines = (pre.textContent || '').replace(/\n$/, '').split('\n');
  const body = drawCode({ lines, lang: box.getAttribute('data-lang'), start, current: [], changed: [], reference: [] }, null);
  body.setAttribute('tabindex', '0');
  body.setAttribute('role', 'group');
  body.setAttribute('aria-label', box.getAttribute('data-label') || 'source');
  pre.replaceWith(body);
  box.setAttribute('data-minidl-ready', '1');
}

/** @param {ParentNode} scope */
function hydrate(scope) {
  scope.querySelectorAll('[data-minidl]').forEach((node) => wake(/** @type {HTMLElement} */ (node)));
  scope.querySelectorAll('[data-minidl-source]').forEach((node) => colourSource(/** @type {HTMLElement} */ (node)));
}

/** @type {any} */ (window).minidl = { hydrate, decodeFrames, judge, readNumber, tokens, version: 1 };

if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', () => hydrate(document));
else hydrate(document);
}());
