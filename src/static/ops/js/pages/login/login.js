/**
 * @file The log-in page's entry.
 */
import Alpine from '@alpinejs/csp';
import { loginForm } from '../../widgets/login-form.js';
import { prepareAlpine } from '../../widgets/prepare-alpine.js';

await prepareAlpine();
Alpine.data('loginForm', loginForm);
Alpine.start();
document.querySelector('input')?.focus();
