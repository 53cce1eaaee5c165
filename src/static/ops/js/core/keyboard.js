/**
 * @file Keys that belong to an input method, not to the page.
 *
 * While somebody composes a word (Chinese, Japanese, Korean), arrows, Enter and Esc choose among what the input method
 * offers. Safari says of the Enter that confirms a word that nothing is being composed any more, but gives it the key
 * code 229, as all browsers do for keys that an input method has taken. Nothing on any page ever sees such a key: they
 * end here, before the first listener, so that no listener needs to know about them. What the browser itself does with
 * them, it does.
 */
const TAKEN_BY_INPUT_METHOD = 229;
const FIELDS = 'input:not([type=checkbox], [type=radio]), textarea, select';

/** The key that this machine's people press with another. */
export const COMMAND_KEY = /Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘' : 'Ctrl';

/** To be called before anything else listens to keys. */
export function startKeyboard() {
  for (const kind of /** @type {const} */ (['keydown', 'keyup'])) {
    addEventListener(
      kind,
      (event) => {
        if (event.isComposing || event.keyCode === TAKEN_BY_INPUT_METHOD) event.stopImmediatePropagation();
      },
      { capture: true },
    );
  }
}

/** Where keys write text, or choose. @param {EventTarget | null} target */
export function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches(FIELDS));
}
