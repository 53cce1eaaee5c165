// Several processes on one store, killed again and again while people work, the database restarted in between: nothing
// is lost and nothing done twice. `node tests/bench/cluster.mjs` does the same for ten minutes. KIMONO_BIN: kimono.
import { test } from 'node:test';
import { Store } from '../lib/server.mjs';
import { Postgresql } from '../lib/postgresql.mjs';
import { trial } from './cluster.mjs';

const SECONDS = Number(process.env.KIMONO_CLUSTER_SECONDS ?? 20);

if (!process.env.KIMONO_TEST_DATABASE)
  test('two processes on one folder, killed again and again: nothing lost, nothing done twice', async (t) => {
    const report = await trial({ store: new Store(), processes: 2, seconds: SECONDS, killEverySeconds: 3 });
    t.diagnostic(JSON.stringify(report));
  });
else
  test('three processes on one PostgreSQL, killed, the database restarted twice: nothing lost or done twice', async (t) => {
    const database = await Postgresql.start({ durable: true });
    const store = new Store(undefined, database.address);
    const restarts = [() => database.restart('fast'), () => database.restart('immediate')];
    const plan = { store, processes: 3, seconds: SECONDS, killEverySeconds: 3, restarts };
    Object.assign(process.env, database.environment); // of the commands, too
    const report = await trial({ ...plan, env: database.environment });
    t.diagnostic(JSON.stringify(report));
    await database.end();
  });
