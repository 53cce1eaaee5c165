/**
 * @file All texts of the console in Chinese, the first language.
 */
import { zh as core } from '../core/texts.js';
import { zh as widgets } from '../widgets/texts.js';
import { zh as jobs } from '../widgets/jobs/texts.js';
import { zh as trend } from '../widgets/trend/texts.js';
import { zh as frame } from '../frame/texts.js';
import { zh as dashboard } from '../pages/dashboard/texts.js';
import { zh as tenants } from '../pages/tenants/texts.js';
import { zh as templates } from '../pages/templates/texts.js';
import { zh as knowledge } from '../pages/knowledge/texts.js';
import { zh as corrections } from '../pages/corrections/texts.js';
import { zh as apiUsage } from '../pages/api-usage/texts.js';
import { zh as logs } from '../pages/logs/texts.js';
import { zh as jobsPage } from '../pages/jobs/texts.js';
import { zh as audit } from '../pages/audit/texts.js';

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
