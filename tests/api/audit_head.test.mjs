/** @file The head of the audit chain outside of the store: a file and a webhook, once a day, and what they prove. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { queryStore } from '../lib/store.mjs';
import { PATIENCE, World, pause, temporaryFolder } from './harness.mjs';

const file = join(temporaryFolder(), 'heads.txt');
/** What the webhook was sent. @type {any[]} */
const posted = [];
const webhook = createServer(async (request, response) => {
  let text = '';
  for await (const piece of request) text += piece;
  posted.push(JSON.parse(text));
  response.writeHead(204).end();
});

/** @type {World} */
let world;
before(async () => {
  await new Promise((resolve) => webhook.listen(0, '127.0.0.1', () => resolve(null)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (webhook.address());
  world = await World.open({
    env: { KIMONO_AUDIT_HEAD_FILE: file, KIMONO_AUDIT_HEAD_WEBHOOK: `http://127.0.0.1:${port}/head` },
  });
});
after(async () => {
  await world.close();
  webhook.close();
});

const lines = () => {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n');
  } catch {
    return [];
  }
};
const check = () => world.store.command(['check'], { env: { KIMONO_AUDIT_HEAD_FILE: file } });

describe('the head of the audit chain', () => {
  test('goes to the file and to the webhook, once a day', async () => {
    for (const deadline = Date.now() + 30_000 * PATIENCE; lines().length === 0 || posted.length === 0; await pause(100))
      assert.ok(Date.now() < deadline);
    const [time, rows, hash] = lines()[0].split(' ');
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000 * PATIENCE);
    const [{ kind, rows: sent, hash: same }] = posted;
    assert.deepEqual([kind, String(sent), same], ['audit_head', rows, hash]);
    const offset = Number(rows) - 1;
    const [row] = await queryStore(world.store, `SELECT chain_hash FROM ops_logs ORDER BY id LIMIT 1 OFFSET ${offset}`);
    assert.equal(Buffer.from(row.chain_hash).toString('hex'), hash);
  });

  test('proves to kimono check that the chain was not made anew', async () => {
    assert.equal((await check()).code, 0);
    const [line] = lines();
    const [time, rows, hash] = line.split(' ');
    const other = hash.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    writeFileSync(file, `${line}\n${time} ${rows} ${other}\n${time} 99999 ${hash}\nnonsense\n`);
    const found = await check();
    assert.equal(found.code, 1);
    assert.match(found.stdout, /line 2: row \d+ of the chain had another hash/);
    assert.match(found.stdout, /line 3: the chain had 99999 rows/);
    assert.match(found.stdout, /line 4 is no head/);
    assert.match(found.stdout, /3 findings/);
  });
});
