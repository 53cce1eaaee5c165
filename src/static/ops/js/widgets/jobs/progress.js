/**
 * @file How far a job is: `<span class="progress" x-progress="jobProgress(job)">`.
 */

/**
 * @param {HTMLElement} element
 * @param {{ expression: string }} directive
 * @param {import('@alpinejs/csp').DirectiveUtilities} utilities
 */
export function showProgress(element, { expression }, { evaluateLater, effect }) {
  const bar = document.createElement('span');
  bar.className = 'progress-bar';
  element.replaceChildren(bar);
  const set = (/** @type {Record<string, string>} */ attributes) =>
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  set({ role: 'progressbar', 'aria-valuemin': '0', 'aria-valuemax': '1' });
  const evaluate = evaluateLater(expression);
  effect(() =>
    evaluate((value) => {
      const progress = /** @type {ReturnType<typeof import('./describe.js').jobProgress> | null} */ (value);
      if (!progress) return;
      set({ 'aria-valuenow': String(progress.share), 'aria-valuetext': progress.text });
      bar.style.width = progress.width;
    }),
  );
}
