/** @file Starting and stopping: a server that is stopped at any moment after its first answer leaves cleanly. */
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { OPS, PASSWORD, Server, Store, addUser, eventually, pause } from './harness.mjs';

test('stopped at any moment after the first answer, it ends with status 0', async () => {
  const store = new Store();
  for (let round = 0; round < 25; round++) {
    const server = await Server.start(store);
    await pause(round % 8);
    await server.stop();
  }
});

test('its memory, which holds secrets, is in no core dump and read by no other process', async () => {
  const server = await Server.start();
  const limits = readFileSync(`/proc/${server.child.pid}/limits`, 'utf8');
  assert.match(limits, /^Max core file size +0 +0 /m);
  // What is not dumpable belongs to root there, so another process of the same user cannot read it.
  assert.equal(statSync(`/proc/${server.child.pid}/mem`).uid, 0);
  await server.stop();
});

const TAKE_OVER_MS = 10_000; // after the death of a process

/**
 * What the scheduler of a server says of itself.
 * @param {Server} server
 */
async function scheduler(server) {
  const login = await fetch(`${server.url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username: 'operator', password: PASSWORD }),
  });
  const { access_token: token } = /** @type {any} */ (await login.json());
  const headers = { Authorization: `Bearer ${token}`, 'Accept-Language': 'en' };
  const answer = await fetch(`${server.url}${OPS}/system/components`, { headers });
  const { items } = /** @type {any} */ (await answer.json());
  return items.find((/** @type {{ name: string }} */ item) => item.name === 'scheduler');
}

test('of two servers on one store one runs the scheduled tasks, and the other when that one dies', async () => {
  const store = new Store();
  await addUser(store, 'operator', 'ops_admin');
  const first = await Server.start(store);
  await eventually(async () => assert.match((await scheduler(first)).message, /runs|running/));
  const second = await Server.start(store);
  await eventually(async () => {
    const { status, message } = await scheduler(second);
    assert.match(message, /stands by: another process runs the tasks; so for .+, of 2 processes/);
    assert.equal(status, 'healthy');
  });
  await eventually(async () =>
    assert.match((await scheduler(first)).message, /in this process for .+, of 2 processes/),
  );
  await first.crash();
  await eventually(async () => assert.doesNotMatch((await scheduler(second)).message, /stands by/), TAKE_OVER_MS);
  const third = await Server.start(store);
  await eventually(async () => assert.match((await scheduler(third)).message, /stands by/));
  await second.stop(); // in order: nobody has to wait for its death
  await eventually(async () => assert.doesNotMatch((await scheduler(third)).message, /stands by/), 2000);
  await third.stop();
});
