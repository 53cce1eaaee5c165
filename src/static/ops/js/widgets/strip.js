/**
 * @file A strip of cells, one for each stretch of time: `<span class="strip" x-strip="cells">`.
 */

/**
 * Made by hand: as templates, some hundred cells took longer than all the rest of the page.
 * @param {HTMLElement} element
 * @param {{ expression: string }} directive
 * @param {import('@alpinejs/csp').DirectiveUtilities} utilities
 */
export function showStrip(element, { expression }, { evaluateLater, effect }) {
  const evaluate = evaluateLater(expression);
  effect(() =>
    evaluate((value) => {
      const cells = /** @type {{ status: string, title: string }[]} */ (value);
      while (element.children.length > cells.length) element.lastChild?.remove();
      cells.forEach(({ status, title }, index) => {
        const cell = /** @type {HTMLElement} */ (element.children[index] ?? element.appendChild(newCell()));
        const name = `strip-cell is-${status}`;
        if (cell.className !== name) cell.className = name;
        if (cell.title !== title) cell.title = title;
      });
    }),
  );
}

function newCell() {
  return document.createElement('span');
}
