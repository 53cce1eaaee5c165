/**
 * @file The frame's entry: starts everything in order. What the frame does is in frame/frame.js.
 */
import Alpine from '@alpinejs/csp';
import { startKeepingFocus } from './core/focus.js';
import { startRefreshing } from './core/refresher.js';
import { route, startRouter } from './core/router.js';
import { keepSession, openSession } from './core/session.js';
import { commandPalette } from './frame/command-palette.js';
import { frame } from './frame/frame.js';
import { jobDetail, jobDialogs } from './frame/job-dialog.js';
import { jobTray } from './frame/job-tray.js';
import { keyList } from './frame/key-list.js';
import { logInAgain } from './frame/log-in-again.js';
import { pageHost, preparePage } from './frame/page-host.js';
import { stateMenus } from './frame/state-menus.js';
import { startPage } from './pages.js';
import { loginForm } from './widgets/login-form.js';
import { prepareAlpine } from './widgets/prepare-alpine.js';

startRouter(startPage.name);
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
