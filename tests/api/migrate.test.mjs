/**
 * @file `kimono migrate --to`: all that a store keeps goes to another one and back, with proof; a try that was broken off
 * leaves nothing, and no server is in the way.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { KIMONO, PAIRS, Server, Store, command, pairsFile, pause, temporaryFolder } from './harness.mjs';

/** Embedded, whatever the other tests run on. */
const embedded = () => new Store(join(temporaryFolder(), 'data'), '');

/** Of the database that the tests run on, with a data folder of its own. */
const other = () => new Store(join(temporaryFolder(), 'data'));

/** What `--to` names. @param {Store} store */
const placeOf = (store) => store.database || store.folder;

/** A store with demonstration data and a shop that answers. */
async function filled() {
  const store = embedded();
  await store.must(['demo', '--tenants', '5', '--qa', '40', '--usage', '3000', '--logs', '2000', '--days', '4']);
  const key = await store.must(['tenant', 'add', 'shop', '店']);
  await store.must(['import', pairsFile(PAIRS), '--tenant', 'shop']);
  return { store, key };
}

/** @param {Server} server @param {string} key */
async function ask(server, key) {
  const response = await fetch(`${server.url}/api/v1/chat/message`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-API-Key': key },
    body: JSON.stringify({ message: PAIRS[0].question }),
  });
  return /** @type {any} */ (await response.json()).answer;
}

test('a store goes to another database and back: both keep the same, customers are answered from it', async () => {
  const { store, key } = await filled();
  const there = other();
  const said = await store.must(['migrate', '--to', placeOf(there)]);
  assert.match(said, /^qa_pairs +\d+ rows {2}[0-9a-f]{32} {2}the same$/m);
  assert.match(said, /^telemetry of \d{4}-\d\d-\d\d +\d+ rows {2}[0-9a-f]{32} {2}the same$/m);
  assert.match(said, /^both keep the same$/m);
  assert.doesNotMatch(said, /DIFFERENT/);
  assert.match(await store.must(['migrate', '--to', placeOf(there), '--verify']), /^both keep the same$/m);
  assert.match(await there.must(['check']), /whole$/);

  const again = await store.command(['migrate', '--to', placeOf(there)]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /not empty: \w+ has \d+ rows/);

  const server = await Server.start(there);
  assert.equal(await ask(server, key), PAIRS[0].answer);
  const busy = await there.command(['migrate', '--to', placeOf(embedded())]);
  assert.match(busy.stderr, /a server runs on the present store: stop it/);
  await server.stop();
  const changed = await store.command(['migrate', '--to', placeOf(there), '--verify']);
  assert.equal(changed.code, 1);
  assert.match(changed.stdout, /^messages .*DIFFERENT: \d+ rows$/m);

  const back = embedded();
  assert.match(await there.must(['migrate', '--to', placeOf(back)]), /^both keep the same$/m);
  assert.match(await back.must(['check']), /whole$/);
  const home = await Server.start(back);
  assert.equal(await ask(home, key), PAIRS[0].answer);
  await home.stop();
});

test('one that is killed in the middle leaves nothing, and is done the next time', async () => {
  const { store } = await filled();
  const there = other();
  await there.must(['migrate']);
  for (const ms of [50, 150, 400]) {
    const child = spawn(KIMONO, ['migrate', ...store.flags, '--to', placeOf(there)], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('close', resolve));
    await pause(2600 + ms); // it looks for two and a half seconds whether a server runs
    child.kill('SIGKILL');
    await ended;
    const tenants = await there.must(['tenant', 'list']);
    if (tenants.includes('shop')) return; // it was faster
    assert.doesNotMatch(tenants, /\w+ +(active|suspended)/);
  }
  assert.match(await store.must(['migrate', '--to', placeOf(there)]), /^both keep the same$/m);
  assert.match(await there.must(['check']), /whole$/);
});

test('--verify needs --to, and a place that cannot be reached is said', async () => {
  const store = embedded();
  await store.must(['migrate']);
  assert.equal((await command(['migrate', '--verify', ...store.flags])).code, 2);
  const nowhere = await store.command(['migrate', '--to', 'postgresql://kimono:secret-word@127.0.0.1:1/kimono']);
  assert.equal(nowhere.code, 1);
  assert.doesNotMatch(nowhere.stderr, /secret-word/);
});
