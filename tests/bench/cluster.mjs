/**
 * @file The long trial of several processes (tests/fault/cluster.mjs says what it proves).
 *
 *     node tests/bench/cluster.mjs [--store sqlite|postgresql] [--processes 3] [--seconds 600]
 */
import { trial } from '../fault/cluster.mjs';
import { Postgresql } from '../lib/postgresql.mjs';
import { Store } from '../lib/server.mjs';

/** @param {string} name @param {string} fallback */
function flag(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
}

const onPostgresql = flag('store', 'postgresql') === 'postgresql';
const plan = {
  processes: Number(flag('processes', onPostgresql ? '3' : '2')),
  seconds: Number(flag('seconds', '600')),
  killEverySeconds: 4,
};
if (onPostgresql) {
  const database = await Postgresql.start({ durable: true });
  const restarts = [() => database.restart('fast'), () => database.restart('immediate')];
  Object.assign(process.env, database.environment);
  const store = new Store(undefined, database.address);
  console.log(await trial({ ...plan, store, restarts, env: database.environment }));
  await database.end();
} else {
  console.log(await trial({ ...plan, store: new Store() }));
}
console.log('nothing lost, nothing done twice');
