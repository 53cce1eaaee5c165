/** @file Starting and stopping: a server that is stopped at any moment after its first answer leaves cleanly. */
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { Server, Store, pause } from '../lib/server.mjs';

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
