/**
 * @file The time as the page shows it: moves once a second while somebody can see it, and stands still in a hidden tab.
 */
import Alpine from '@alpinejs/csp';

export const clock = Alpine.reactive({ now: Date.now() });

export function startClock() {
  const tick = () => {
    if (!document.hidden) clock.now = Date.now();
  };
  setInterval(tick, 1000);
  document.addEventListener('visibilitychange', tick);
}
