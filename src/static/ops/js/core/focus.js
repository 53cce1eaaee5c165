/**
 * @file The focus is never nowhere.
 *
 * What has it may go: a row that is deleted, a button that is disabled, a dialog whose opener isn't there any more. The
 * browser then leaves it at the page's beginning, and who works by keyboard starts again from there. Here it goes where
 * one would go on: to the same control of the row that has moved up, to what opened the dialog, else to the panel, else
 * to the page's heading. No component has to see to it. Only who clicks beside everything gives the focus up.
 */

/**
 * @typedef {object} Place
 * @property {Element} element
 * @property {Element[]} around  its ancestors, the nearest first
 * @property {Element | null} layer  what it lies in, over the page
 * @property {{ list: Element, row: Element, index: number, control: number } | null} row
 */

const LAYERS = 'dialog, [popover], .toasts';
/** What comes in numbers, each beside its like. */
const ROWS = 'tr, li, .tag, [data-row]';
/** Where one goes on when all that was in it has gone. */
const REGIONS = 'section, form, .dialog-body, dialog, [popover], main';
const CONTROLS = 'a[href], button, input, select, textarea, summary, [tabindex]:not([tabindex="-1"])';

/** Where the focus is, or was until it was lost; null: it was given up. @type {Place | null} */
let held = null;
/** From where each layer was entered. @type {WeakMap<Element, Place>} */
const openers = new WeakMap();
/** What gets the focus back when it can be used again. @type {Element | null} */
let disabled = null;
let pressed = false;
let due = false;

export function startKeepingFocus() {
  addEventListener('focusin', ({ target }) => {
    if (target instanceof Element) hold(target);
  });
  addEventListener('mousedown', () => {
    pressed = true;
    setTimeout(() => (pressed = false));
  });
  addEventListener('focusout', ({ relatedTarget }) => {
    if (pressed && relatedTarget === null) held = null;
    look();
  });
  // The browser gives the focus up when it next draws, and then only if what had it is gone or can't be used.
  new MutationObserver(look).observe(document.body, {
    subtree: true,
    childList: true,
    attributeFilter: ['open', 'disabled', 'hidden', 'style', 'class'],
  });
  document.addEventListener('close', look, { capture: true });
  document.addEventListener('toggle', look, { capture: true });
}

function look() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => setTimeout(restore));
}

/** @param {Element} element */
function hold(element) {
  const place = placeOf(element);
  const { layer } = place;
  if (layer && held && !layer.contains(held.element)) openers.set(layer, held);
  held = place;
}

function restore() {
  due = false;
  const { activeElement } = document;
  if (activeElement && activeElement !== document.body) {
    const again = disabled;
    if (again && isUsable(again) && again.closest(REGIONS) === activeElement) {
      disabled = null;
      focus(again);
    } else {
      held = placeOf(activeElement);
    }
  } else if (held) {
    const { element } = held;
    focus(successorOf(held));
    disabled = element.matches(':disabled') ? element : null;
  }
}

/**
 * @param {Element} element
 * @returns {Place}
 */
function placeOf(element) {
  /** @type {Element[]} */
  const around = [];
  for (let one = element.parentElement; one; one = one.parentElement) around.push(one);
  const row = element.closest(ROWS);
  const list = row?.parentElement;
  return {
    element,
    around,
    layer: element.closest(LAYERS),
    row:
      row && list
        ? { list, row, index: likesOf(row, list).indexOf(row), control: controlsOf(row).indexOf(element) }
        : null,
  };
}

/**
 * @param {Place} place
 * @returns {Element | null}
 */
function successorOf(place) {
  const { element, around, layer } = place;
  if (isUsable(element)) return element;
  const inRow = element.isConnected ? null : besideRow(place);
  if (inRow) return inRow;
  if (layer && !isOpen(layer)) {
    const opener = openers.get(layer);
    openers.delete(layer); // one may have been entered from the other and that from this
    return opener ? successorOf(opener) : heading();
  }
  const region = around.find((one) => one.matches(REGIONS) && isSeen(one));
  if (!region || region.matches('main')) return heading() ?? region ?? null;
  return region.matches('dialog') ? (region.querySelector('.dialog-body') ?? region) : region;
}

/** The same control of the row that stands there now. @param {Place} place */
function besideRow({ row }) {
  if (!row || !isSeen(row.list)) return null;
  const likes = likesOf(row.row, row.list);
  const next = likes[Math.min(row.index, likes.length - 1)];
  const controls = next ? controlsOf(next) : [];
  return controls[row.control] ?? controls[0] ?? null;
}

/** @param {Element} row @param {Element} list */
function likesOf(row, list) {
  return [...list.children].filter((other) => other === row || (other.tagName === row.tagName && isSeen(other)));
}

/** @param {Element} where */
function controlsOf(where) {
  return [...where.querySelectorAll(CONTROLS)].filter(isUsable);
}

function heading() {
  return [...document.querySelectorAll('main h1')].find(isSeen) ?? null;
}

/** @param {Element} layer */
function isOpen(layer) {
  if (layer instanceof HTMLDialogElement) return layer.open;
  return layer.hasAttribute('popover') ? layer.matches(':popover-open') : controlsOf(layer).length > 0;
}

/** @param {Element} element */
function isSeen(element) {
  return element.isConnected && element.checkVisibility({ visibilityProperty: true });
}

/** @param {Element} element */
function isUsable(element) {
  return isSeen(element) && !element.matches(':disabled');
}

/** @param {Element | null} element */
function focus(element) {
  if (!(element instanceof HTMLElement)) return;
  if (!element.matches(CONTROLS) && !element.hasAttribute('tabindex')) element.tabIndex = -1;
  element.focus({ preventScroll: true });
}
