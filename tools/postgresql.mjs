/**
 * @file A PostgreSQL for a while: it is there as long as the command runs, or until this is told to end (Ctrl-C).
 *
 *     node tools/postgresql.mjs [--durable] [COMMAND [ARGUMENT...]]
 *
 * --durable: what it has committed survives a loss of power, as a benchmark must have it.
 *
 * The command finds KIMONO_TEST_DATABASE (what tests/lib/server.mjs makes stores in), KIMONO_TEST_POSTGRESQL (the same,
 * for unit tests) and PGPASSWORD in its environment:
 *
 *     node tools/postgresql.mjs node --test tests/api/chat.test.mjs
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Postgresql } from '../tests/lib/postgresql.mjs';

const durable = process.argv[2] === '--durable';
const [command, ...args] = process.argv.slice(durable ? 3 : 2);
const server = await Postgresql.start({ durable });
const environment = {
  ...server.environment,
  KIMONO_TEST_DATABASE: server.address,
  KIMONO_TEST_POSTGRESQL: server.address,
};

if (command) {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...environment } });
  child.on('error', (error) => console.error(error.message));
  for (const signal of /** @type {NodeJS.Signals[]} */ (['SIGINT', 'SIGTERM']))
    process.on(signal, () => child.kill(signal));
  const [code] = await once(child, 'close');
  process.exitCode = code ?? 1;
} else {
  for (const [name, value] of Object.entries(environment)) console.log(`export ${name}='${value}'`);
  const waiting = setInterval(() => {}, 1 << 30);
  await Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)));
  clearInterval(waiting);
}
await server.end();
