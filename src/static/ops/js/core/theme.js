/**
 * Sets theme and language on <html> before anything is painted, so that a dark room sees no white flash.
 *
 * This is the one script that blocks the page and the one that is not a module: keep it this small. preferences.js
 * reads and writes the same two keys afterwards.
 */
(function applyStoredPreferences() {
  const root = document.documentElement;
  /** @param {string} key */
  function stored(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // Storage is switched off: every visit starts from the defaults.
    }
  }
  const theme = stored('kimono.theme');
  const systemIsDark = matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = theme === 'light' || theme === 'dark' ? theme : systemIsDark ? 'dark' : 'light';
  root.lang = stored('kimono.language') === 'en' ? 'en' : 'zh-CN';
})();
