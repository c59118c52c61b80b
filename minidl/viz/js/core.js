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
