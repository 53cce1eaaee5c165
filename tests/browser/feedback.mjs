/** @file A shop on the server that customers have said something to, for tests of it as it is. */
import assert from 'node:assert/strict';
import { URL_BASE, operatorContext } from './console.mjs';

const API = `${URL_BASE}/api/v1`;

/** A shop with one pair, and a customer who contradicts it and asks what it doesn't answer. */
export async function shopWithFeedback() {
  const { request } = await operatorContext();
  const id = `feedback-${Date.now().toString(36)}`;
  const headers = { Origin: new URL(URL_BASE).origin };
  /** @param {string} path @param {object} data @param {Record<string, string>} [more] */
  const post = async (path, data, more = {}) => {
    const response = await request.post(`${API}${path}`, { data, headers: { ...headers, ...more } });
    assert.ok(response.ok(), `${path}: ${await response.text()}`);
    return response.json();
  };
  await post('/ops/tenants', { id, name: `反馈店 ${id}` });
  const pair = await post('/ops/knowledge/qa-pairs', { tenant_id: id, question: '几点关门', answer: '晚上八点关门。' });
  const { api_key: key } = await (await request.get(`${API}/ops/tenants/${id}`)).json();
  for (const [message, correction] of [
    ['几点关门', '晚上九点关门。'],
    ['几点关门', undefined],
    ['可以带狗吗', undefined], // with a correction learning would take it, sooner or later
  ]) {
    const { message_id } = await post('/chat/message', { message }, { 'X-API-Key': key });
    await post('/feedback', { message_id, rating: 'bad', correction }, { 'X-API-Key': key });
  }
  return {
    id,
    pair,
    post,
    ask: async (/** @type {string} */ message) => post('/chat/message', { message }, { 'X-API-Key': key }),
  };
}
