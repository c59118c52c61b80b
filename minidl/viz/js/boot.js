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
