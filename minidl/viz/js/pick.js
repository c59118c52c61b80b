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
