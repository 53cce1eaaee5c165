/**
 * @file The log-in page's entry.
 */
import Alpine from '@alpinejs/csp';
import { loginForm } from './components/login-form.js';
import { prepareAlpine } from './ops-common.js';

await prepareAlpine();
Alpine.data('loginForm', loginForm);
Alpine.start();
document.querySelector('input')?.focus();
