/**
 * @file The frame's entry: starts everything in order. What the frame does is in components/frame.js.
 */
import Alpine from '@alpinejs/csp';
import { commandPalette } from './components/command-palette.js';
import { frame } from './components/frame.js';
import { jobDetail, jobDialogs } from './components/job-dialog.js';
import { jobTray } from './components/job-tray.js';
import { keyList } from './components/key-list.js';
import { logInAgain } from './components/log-in-again.js';
import { loginForm } from './components/login-form.js';
import { pageHost, preparePage } from './components/page-host.js';
import { stateMenus } from './components/state-menus.js';
import { prepareAlpine } from './ops-common.js';
import { startKeepingFocus } from './focus.js';
import { startRefreshing } from './refresher.js';
import { route, startRouter } from './router.js';
import { keepSession, openSession } from './session.js';

startRouter();
keepSession();
// The page's own files travel while the session is being checked.
preparePage(route.page);
await Promise.all([prepareAlpine(), openSession()]);

Alpine.data('frame', frame);
Alpine.data('pageHost', pageHost);
Alpine.data('stateMenus', stateMenus);
Alpine.data('commandPalette', commandPalette);
Alpine.data('keyList', keyList);
Alpine.data('logInAgain', logInAgain);
Alpine.data('loginForm', loginForm);
Alpine.data('jobTray', jobTray);
Alpine.data('jobDialogs', jobDialogs);
Alpine.data('jobDetail', jobDetail);
Alpine.start();
startKeepingFocus();
startRefreshing();
