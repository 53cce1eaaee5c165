/** @file Starting and stopping: a server that is stopped at any moment after its first answer leaves cleanly. */
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
