/**
 * @file Logging in again over the page whose session is over: what was typed stays, and what was asked goes on.
 */
import Alpine from '@alpinejs/csp';
import { goToLogIn } from '../core/api-client.js';
import { component, follow } from '../core/component.js';
import { t } from '../core/i18n.js';
import { reopenSession, session } from '../core/session.js';
import { leaveUnasked } from '../widgets/dialog.js';

export function logInAgain() {
  /** @type {(() => void) | null} */
  let stop = null;

  return component({
    session,

    init() {
      const dialog = /** @type {HTMLDialogElement} */ (this.$refs.again);
      const show = () => {
        dialog.showModal();
        /** @type {HTMLElement | null} */ (dialog.querySelector('input[type=password]'))?.focus();
      };
      // Neither Esc nor its second press leaves a page that can't go on.
      dialog.addEventListener('cancel', (event) => event.preventDefault());
      dialog.addEventListener('close', () => session.ended && show());
      stop = follow(
        () => session.ended !== null,
        (isOver) => {
          if (isOver) Alpine.nextTick(show);
          else dialog.close(); // The focus goes back to where it was.
        },
      );
    },

    destroy() {
      stop?.();
    },

    /** @param {import('../core/api-types.js').Identity} user */
    done(user) {
      reopenSession(user);
    },

    get userName() {
      return session.user?.username ?? '';
    },

    get why() {
      return session.ended?.why || t('again.why');
    },

    get other() {
      return session.ended?.other ?? null;
    },

    get otherText() {
      return t('again.other', { now: this.other?.username ?? '', before: this.userName });
    },

    /** The page of whoever is logged in now: what the other one had typed goes, as the text above the button says. */
    reload() {
      leaveUnasked();
      location.reload();
    },

    leave() {
      leaveUnasked();
      goToLogIn();
    },
  });
}
