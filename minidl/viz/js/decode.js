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
