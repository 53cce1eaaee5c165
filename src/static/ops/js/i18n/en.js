/**
 * @file All texts of the console in English.
 */
import { en as core } from '../core/texts.js';
import { en as widgets } from '../widgets/texts.js';
import { en as jobs } from '../widgets/jobs/texts.js';
import { en as trend } from '../widgets/trend/texts.js';
import { en as frame } from '../frame/texts.js';
import { en as dashboard } from '../pages/dashboard/texts.js';
import { en as tenants } from '../pages/tenants/texts.js';
import { en as templates } from '../pages/templates/texts.js';
import { en as knowledge } from '../pages/knowledge/texts.js';
import { en as corrections } from '../pages/corrections/texts.js';
import { en as apiUsage } from '../pages/api-usage/texts.js';
import { en as logs } from '../pages/logs/texts.js';
import { en as jobsPage } from '../pages/jobs/texts.js';
import { en as audit } from '../pages/audit/texts.js';

/** @type {import('../core/i18n.js').Catalog} */
export default {
  ...core,
  ...widgets,
  ...jobs,
  ...trend,
  ...frame,
  ...dashboard,
  ...tenants,
  ...templates,
  ...knowledge,
  ...corrections,
  ...apiUsage,
  ...logs,
  ...jobsPage,
  ...audit,
};
