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
