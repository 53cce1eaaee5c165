/**
 * @file The same requests to two servers in turn: two databases, or two builds.
 */
import { readFileSync } from 'node:fs';
import { load, logIn } from './load.mjs';
import { BIG_TENANT_PAIRS, chatOptions, questionScript } from './stores.mjs';

/** @typedef {import('../lib/server.mjs').Server} Server */

const PAIRS = '/api/v1/ops/knowledge/qa-pairs?page_size=50';
const TENANTS = '/api/v1/ops/tenants?page_size=50';

/** @param {Record<string, string>} parameters */
const query = (parameters) => '&' + new URLSearchParams(parameters).toString();

/** What pages ask for, by GET; in a store that `plans().large` has made. */
const PAGES = {
  'small GET (/auth/me)': '/api/v1/auth/me',
  overview: '/api/v1/ops/dashboard/overview',
  'trends of 30 days': '/api/v1/ops/dashboard/trends?days=30',
  components: '/api/v1/ops/system/components',
  'list: tenants by name': TENANTS + query({ sort: 'name' }),
  'list: tenants by conversations': TENANTS + query({ sort: '-conversations_today' }),
  'list: users of a tenant': '/api/v1/ops/tenants/big/users',
  'list: pairs, newest first': PAIRS + query({ sort: '-created_at' }),
  'list: pairs by question': PAIRS + query({ sort: 'question' }),
  'list: pairs of a tenant': PAIRS + query({ tenant_id: 'big', sort: '-updated_at' }),
  'list: pairs, three filters':
    PAIRS + query({ category: '价格', source: 'import', quality_min: '0.5', sort: '-hit_count' }),
  'list: corrections': '/api/v1/ops/knowledge/corrections?status=pending',
  'list: deleted pairs': '/api/v1/ops/knowledge/deleted',
  'list: templates': '/api/v1/ops/templates?page_size=50',
  'list: matrix of templates': '/api/v1/ops/templates/matrix',
  'list: jobs': '/api/v1/ops/jobs',
  'list: alerts': '/api/v1/ops/alerts/active',
  'search: tenants': TENANTS + query({ keyword: '京都' }),
  'search: pairs, a word of many': PAIRS + query({ keyword: '和服' }),
  'search: pairs, a word of few': PAIRS + query({ keyword: '铭仙' }),
  'search: pairs, no match': PAIRS + query({ keyword: '没有这样的词' }),
  'search: pairs of a tenant': PAIRS + query({ keyword: '租借', tenant_id: 'big' }),
  'search: templates': '/api/v1/ops/templates' + '?' + new URLSearchParams({ keyword: '预约' }),
};

/**
 * @typedef {object} Asked
 * @property {string} name
 * @property {string} path
 * @property {number} connections
 * @property {Record<string, string>} headers
 * @property {string} [script]
 */

/**
 * @param {Server} server
 * @returns {Promise<Asked[]>}
 */
async function requestsOf(server) {
  const headers = { Authorization: `Bearer ${await logIn(server)}`, 'Content-Type': 'application/json' };
  const trial = questionScript('trial', BIG_TENANT_PAIRS, (question) => ({ tenant_id: 'big', question }));
  const chat = { path: '/api/v1/chat/message', ...(await chatOptions(server, 'big', BIG_TENANT_PAIRS)) };
  return [
    ...Object.entries(PAGES).map(([name, path]) => ({ name, path, headers, connections: 1 })),
    { name: 'search: retrieval trial', path: '/api/v1/ops/knowledge/search', headers, connections: 1, script: trial },
    { name: 'chat, one at a time', connections: 1, ...chat },
    { name: 'chat, 32 at once', connections: 32, ...chat },
  ];
}

/**
 * @param {Server} server
 * @returns {number} microseconds of processor that its process has had
 */
function processorTime(server) {
  const fields = readFileSync(`/proc/${server.child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000; // ticks of a hundredth of a second
}

/** @typedef {{ p50: number, p99: number, processor: number }} Times  milliseconds; microseconds for each request */

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {Times[]} first  of each round
 * @property {Times[]} second
 */

/**
 * @param {Server} first
 * @param {Server} second
 * @param {{ rounds: number, seconds: number }} effort
 * @returns {AsyncGenerator<Row>}
 */
export async function* sideBySide(first, second, { rounds, seconds }) {
  const requests = [await requestsOf(first), await requestsOf(second)];
  const measure = async (/** @type {Server} */ server, /** @type {Asked} */ { name, path, ...options }) => {
    const before = processorTime(server);
    const { p50, p99, requests: answered } = await load(server.url + path, { ...options, seconds });
    return { name, p50, p99, processor: (processorTime(server) - before) / answered };
  };
  for (const [i, asked] of requests[0].entries()) {
    const row = /** @type {Row} */ ({ name: asked.name, first: [], second: [] });
    for (let round = 0; round < rounds; round++) {
      row.first.push(await measure(first, asked));
      row.second.push(await measure(second, requests[1][i]));
    }
    yield row;
  }
}
