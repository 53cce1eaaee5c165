/**
 * @file The matrix as a table that is drawn rather than bound: fifty templates by two hundred tenants are ten thousand
 * cells. One cell takes part in the tab order, the arrow keys go from there (WAI-ARIA APG, "grid").
 */

/**
 * @typedef {object} GridCell
 * @property {string} key
 * @property {string} tone
 * @property {string} icon
 * @property {string} text  what stands in the cell
 * @property {string} label  all of it, read aloud and on hover
 * @property {string | null} href  where it leads
 */

/**
 * @typedef {object} GridRow
 * @property {string} id
 * @property {string} name
 * @property {string} note  below the name: that it is suspended
 * @property {string} href
 * @property {string} action  the button's text; empty: none
 * @property {GridCell[]} cells
 */

/** @typedef {{ id: number, text: string, title: string, note: string, href: string }} GridColumn */
/** @typedef {{ corner: string, columns: GridColumn[], rows: GridRow[], wide: boolean }} GridModel */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * Draws the model, unless it is drawn already. The focus stays on its cell.
 * @param {HTMLElement} table
 * @param {GridModel} model
 */
export function drawGrid(table, model) {
  const signature = JSON.stringify(model);
  if (table.dataset.drawn === signature) return;
  table.dataset.drawn = signature;
  const focused = table.contains(document.activeElement) ? keyOf(document.activeElement) : '';
  table.classList.toggle('is-wide', model.wide);
  table.replaceChildren(head(model), body(model));
  const again = focused ? table.querySelector(`[data-key="${CSS.escape(focused)}"]`) : null;
  enter(/** @type {HTMLElement | null} */ (again) ?? focusables(table)[0]?.[0] ?? null);
  if (again instanceof HTMLElement) again.focus({ preventScroll: true });
}

/**
 * Moves the focus by an arrow key.
 * @param {HTMLElement} table
 * @param {KeyboardEvent} event
 */
export function steerGrid(table, event) {
  const rows = focusables(table);
  const at = rows.findIndex((row) => row.includes(/** @type {HTMLElement} */ (document.activeElement)));
  if (at < 0) return;
  const column = rows[at].indexOf(/** @type {HTMLElement} */ (document.activeElement));
  /** @type {Record<string, [number, number]>} */
  const targets = {
    ArrowDown: [at + 1, column],
    ArrowUp: [at - 1, column],
    ArrowRight: [at, column + 1],
    ArrowLeft: [at, column - 1],
    Home: [at, 0],
    End: [at, rows[at].length - 1],
  };
  const [row, cell] = targets[event.key] ?? [-1, -1];
  const target = rows[row]?.[Math.min(cell, (rows[row]?.length ?? 0) - 1)];
  if (!target || cell < 0) return;
  event.preventDefault();
  enter(target);
  target.focus();
}

/** What an element of the table is about. @param {EventTarget | null} target */
export function keyOf(target) {
  return target instanceof Element ? (target.closest('[data-key]')?.getAttribute('data-key') ?? '') : '';
}

/** The one element by which the tab key comes in. @param {HTMLElement | null} element */
export function enter(element) {
  const table = element?.closest('table');
  for (const other of table?.querySelectorAll('[tabindex="0"]') ?? []) other.setAttribute('tabindex', '-1');
  element?.setAttribute('tabindex', '0');
}

/** What can have the focus, row by row. @param {HTMLElement} table */
function focusables(table) {
  return [...table.querySelectorAll('tr')]
    .map((row) => /** @type {HTMLElement[]} */ ([...row.querySelectorAll('[data-key]')]))
    .filter((row) => row.length > 0);
}

/** @param {GridModel} model */
function head({ corner, columns }) {
  const row = make('tr', {}, [make('th', { scope: 'col', class: 'grid-corner', text: corner })]);
  for (const { id, text, title, note, href } of columns) {
    const link = make('a', { class: 'grid-question', href, title, text, tabindex: '-1', 'data-key': `column-${id}` });
    row.append(make('th', { scope: 'col' }, [link, make('span', { class: 'grid-note', text: note })]));
  }
  return make('thead', {}, [row]);
}

/** @param {GridModel} model */
function body({ rows }) {
  return make(
    'tbody',
    {},
    rows.map((row) => make('tr', { 'data-tenant': row.id }, [rowHead(row), ...row.cells.map(drawCell)])),
  );
}

/** @param {GridRow} row */
function rowHead({ id, name, note, href, action }) {
  const link = make('a', {
    class: 'grid-name',
    href,
    title: name,
    text: name,
    tabindex: '-1',
    'data-key': `tenant-${id}`,
  });
  const parts = [link, ...(note ? [make('span', { class: 'grid-note', text: note })] : [])];
  if (action) {
    const label = `${action} · ${name}`;
    const facts = { type: 'button', class: 'link', text: action, tabindex: '-1', 'aria-label': label };
    parts.push(make('button', { ...facts, 'data-key': `update-${id}`, 'data-update': id }));
  }
  return make('th', { scope: 'row' }, parts);
}

/** @param {GridCell} cell */
function drawCell({ key, tone, icon, text, label, href }) {
  const facts = { class: `grid-cell ${tone}`, title: label, 'aria-label': label, tabindex: '-1', 'data-key': key };
  const inside = [drawIcon(icon), make('span', { text, 'aria-hidden': 'true' })];
  if (href) return make('td', {}, [make('a', { ...facts, href }, inside)]);
  return make('td', {}, [make('span', { ...facts, role: 'img' }, inside)]);
}

/** @param {string} name */
function drawIcon(name) {
  const icon = document.createElementNS(SVG, 'svg');
  icon.setAttribute('class', 'icon state-icon');
  icon.setAttribute('aria-hidden', 'true');
  icon.append(document.createElementNS(SVG, 'use'));
  icon.firstElementChild?.setAttribute('href', `#${name}`);
  return icon;
}

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes  `text` is its text
 * @param {Node[]} [children]
 */
function make(tag, { text, ...attributes }, children = []) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}
