/**
 * @file Keeps panels fresh: each is asked again when its last answer is 30 s old, and none while the tab is hidden.
 */
import { clock } from './clock.js';
import { follow } from './component.js';
import { connection } from './connection.js';

/** @typedef {import('./panel.js').Panel<any>} AnyPanel */

export const REFRESH_SECONDS = 30;
/** How often a server that doesn't answer is asked whether it is back: one question, not one from each panel. */
const RETRY_SECONDS = 5;

/** @type {Map<AnyPanel, number>} panel → when it is due */
const due = new Map();

/**
 * Loads the panels now and from then on every 30 seconds.
 * @param {AnyPanel[]} panels
 * @returns {() => void}  stops that
 */
export function keepFresh(panels) {
  for (const panel of panels) refresh(panel);
  return () => {
    for (const panel of panels) {
      due.delete(panel);
      panel.dispose();
    }
  };
}

/** Everything on the screen, at once: the refresh button. */
export async function refreshAll() {
  await Promise.all([...due.keys()].map((panel) => refresh(panel)));
}

/** After a change that the person has made here: what moves by it is shown at once, also while they read the list. */
export async function refreshChanged() {
  await Promise.all([...due.keys()].map((panel) => refresh(panel).then(() => panel.showWaiting())));
}

export function startRefreshing() {
  const refreshDue = () => {
    if (document.hidden) return;
    if (connection.lostAt) {
      const [first] = due;
      if (!first) return;
      const [panel, time] = first;
      const askedAt = time - REFRESH_SECONDS * 1000;
      if (askedAt + RETRY_SECONDS * 1000 <= Date.now() && panel.mayRefresh) refresh(panel);
      return;
    }
    for (const [panel, time] of due) if (time <= Date.now() && panel.mayRefresh) refresh(panel);
  };
  setInterval(refreshDue, 1000);
  document.addEventListener('visibilitychange', refreshDue);
  // It is back: everything is shown as it is now.
  let lost = false;
  follow(
    () => connection.lostAt > 0,
    (isLost) => {
      if (lost && !isLost) refreshAll();
      lost = isLost;
    },
  );
  // The network is back: find out at once instead of showing a failure for up to half a minute more.
  addEventListener('online', () => {
    if (!document.hidden) refreshAll();
  });
}

/** @param {AnyPanel} panel */
function refresh(panel) {
  due.set(panel, Date.now() + REFRESH_SECONDS * 1000);
  clock.now = Date.now();
  return panel.load();
}
