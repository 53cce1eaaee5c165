// The store, killed and starved at every write, flush and step.
// KIMONO_FAULT_LIB: faults.c as a library. KIMONO_FAULT_CHILD: store_fault_child.c. KIMONO_FAULT_ALL=1:
// every place, some 5,000 in several minutes; else 60 places for each test, evenly spread.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { embeddedOnly } from '../lib/server.mjs';
import { countCalls, forEachFault, pathFromEnvironment, run, withDirectory } from './fault.mjs';

const library = pathFromEnvironment('KIMONO_FAULT_LIB');
const onFiles = { skip: embeddedOnly('file') };
const child = pathFromEnvironment('KIMONO_FAULT_CHILD');
const spread = { atMost: process.env.KIMONO_FAULT_ALL ? Infinity : 60 };
const WORKS = 20;
const rowsOf = (work) => (work % 4) + 1;
const meantToFail = (work) => work % 5 === 4;

function reports(stdout) {
  const of = (word) => [...stdout.matchAll(new RegExp(`^${word} (\\d+)$`, 'gm'))].map((m) => Number(m[1]));
  return {
    acknowledged: of('ack'),
    refused: of('fail'),
    readOk: /^read ok$/m.test(stdout),
    lastOk: /^ack 100000[01]$/m.test(stdout),
  };
}

async function check(store) {
  const result = await run(child, ['check', store]);
  assert.equal(result.status, 0, `the store does not open any more: ${result.stderr}`);
  return JSON.parse(result.stdout);
}

/** Whole, and each work in it complete and counted. */
async function proveWhole(store) {
  const found = await check(store);
  assert.equal(found.findings, 0, 'integrity');
  assert.equal(found.version, 3);
  assert.equal(found.counted, found.rows, 'counter and rows');
  assert.equal(found.even_counted, found.even_rows, 'second counter and rows');
  assert.equal(
    found.rows,
    found.works.reduce((sum, [, rows]) => sum + rows, 0),
    'rows of no work',
  );
  for (const [work, said, there] of found.works) {
    assert.equal(there, said, `work ${work} is there in part`);
    assert.equal(said, rowsOf(work));
    assert.ok(!meantToFail(work), `work ${work} failed and is there`);
  }
  return new Set(found.works.map(([work]) => work));
}

/** What was acknowledged is there, what was refused is not; what had no answer may be either. */
async function proveKept(store, { acknowledged, refused }) {
  const present = await proveWhole(store);
  for (const work of acknowledged) assert.ok(present.has(work), `work ${work} was acknowledged and is lost`);
  for (const work of refused) assert.ok(!present.has(work), `work ${work} was refused and is there`);
}

const write = (fault, directory, threads) =>
  run(child, ['write', join(directory, 'kimono.db'), WORKS, threads].map(String), { fault });

const plain = { library, path: 'kimono.db' };
const steps = { library, step: true };

for (const [name, base, threads] of [
  ['system calls, one thread', plain, 1],
  ['system calls, eight threads', plain, 8],
  ['steps of statements', steps, 1],
  ['steps of statements, eight threads', steps, 8],
]) {
  test(`killed: ${name}`, onFiles, async (t) => {
    const calls = await countCalls(base, (fault, directory) => write(fault, directory, threads));
    const places = await forEachFault(
      { ...base, kind: 'kill' },
      calls,
      async (fault, directory) => {
        const result = await write(fault, directory, threads);
        if (threads === 1) assert.equal(result.signal, 'SIGKILL', 'it was to be killed');
        await proveKept(join(directory, 'kimono.db'), reports(result.stdout));
      },
      spread,
    );
    t.diagnostic(`${places} places`);
  });

  for (const kind of ['enospc', 'eio'])
    test(`${kind} once: ${name}`, onFiles, async (t) => {
      const calls = await countCalls(base, (fault, directory) => write(fault, directory, threads));
      const places = await forEachFault(
        { ...base, kind },
        calls,
        async (fault, directory) => {
          const result = await write(fault, directory, threads);
          const report = reports(result.stdout);
          assert.equal(result.signal, null, 'it crashed');
          if (result.status !== 0) assert.match(result.stderr, /kimono\.db: .{20}/, 'says what is wrong');
          else assert.ok(report.readOk && report.lastOk, `it does not go on: ${result.stderr}`);
          await proveKept(join(directory, 'kimono.db'), report);
        },
        spread,
      );
      t.diagnostic(`${places} places`);
    });
}

// A failed flush leaves a whole commit in the log: who is told that it failed must not find it later.
for (const thenKill of [1, 3, 6, 9])
  test(`eio once, killed ${thenKill} calls later`, onFiles, async (t) => {
    const calls = await countCalls(plain, (fault, directory) => write(fault, directory, 1));
    const places = await forEachFault(
      { ...plain, kind: 'eio', thenKill },
      calls,
      async (fault, directory) => {
        const result = await write(fault, directory, 1);
        await proveKept(join(directory, 'kimono.db'), reports(result.stdout));
      },
      spread,
    );
    t.diagnostic(`${places} places`);
  });

for (const kind of ['enospc', 'eio'])
  test(`${kind} from some moment on: reading goes on, nothing is acknowledged and lost`, onFiles, async (t) => {
    const calls = await countCalls(plain, (fault, directory) => write(fault, directory, 4));
    const places = await forEachFault(
      { ...plain, kind, for: 0 },
      calls,
      async (fault, directory) => {
        const result = await write(fault, directory, 4);
        const report = reports(result.stdout);
        assert.equal(result.signal, null, 'it crashed');
        if (result.status === 0) assert.ok(report.readOk, 'reading does not go on');
        const said = kind === 'enospc' ? /is full|cannot be created/ : /failed|cannot/;
        if (report.refused.some((work) => !meantToFail(work))) assert.match(result.stderr, said);
        // A commit whose last flush failed, on a disk that never writes again: no program can know whether
        // it will be found there. It is found as a whole or not at all.
        const refused = report.refused.filter(meantToFail);
        await proveKept(join(directory, 'kimono.db'), { ...report, refused });
      },
      spread,
    );
    t.diagnostic(`${places} places`);
  });

async function makeStore(store, works) {
  const result = await run(child, ['write', store, String(works), '1']);
  assert.equal(result.status, 0, result.stderr);
}

for (const kind of ['kill', 'enospc', 'eio'])
  test(`backup, ${kind}: the file is the old backup, or the new one`, onFiles, async (t) => {
    const start = async (fault, directory) => {
      const [store, backup] = [join(directory, 'kimono.db'), join(directory, 'backup.db')];
      await makeStore(store, 5);
      assert.equal((await run(child, ['backup', store, backup])).status, 0);
      await makeMore(store);
      return run(child, ['backup', store, backup], { fault });
    };
    const makeMore = (store) => run(child, ['write', store, '12', '1']);
    const base = { library, path: 'backup.db' };
    const calls = await countCalls(base, start);
    const places = await forEachFault(
      { ...base, kind },
      calls,
      async (fault, directory) => {
        const result = await start(fault, directory);
        const works = await proveWhole(join(directory, 'backup.db'));
        const [before, after] = [6, 12]; // with the last two
        assert.ok([before, after].includes(works.size), `${works.size} works`);
        if (result.status === 0) assert.equal(works.size, after);
        if (kind === 'kill') return;
        const left = (await readdir(directory)).filter((name) => name.includes('.new-'));
        assert.ok(left.length <= (kind === 'eio' ? 1 : 0), `left behind: ${left}`);
      },
      spread,
    );
    t.diagnostic(`${places} places`);
  });

for (const kind of ['kill', 'enospc', 'eio'])
  test(`restore, ${kind}: the store is the old one, or the restored one`, onFiles, async (t) => {
    const start = async (fault, directory) => {
      const [store, backup] = [join(directory, 'kimono.db'), join(directory, 'backup')];
      await makeStore(store, 2);
      assert.equal((await run(child, ['backup', store, backup])).status, 0);
      // The old store's last process dies, so that its log holds works that the file has not.
      const killed = { library, path: 'kimono.db-wal', kind: 'kill', at: 60 };
      await run(child, ['write', store, '12', '1'], { fault: killed });
      assert.ok(existsSync(`${store}-wal`));
      return run(child, ['restore', backup, store], { fault });
    };
    const base = { library, path: 'kimono.db' };
    const RESTORED = 4; // works 0, 1 and the last two
    const old = await withDirectory(async (directory) => {
      await start({ ...base, kind: 'eio', at: 1, for: 0 }, directory);
      return (await proveWhole(join(directory, 'kimono.db'))).size;
    });
    const calls = await countCalls(base, start);
    const places = await forEachFault(
      { ...base, kind },
      calls,
      async (fault, directory) => {
        const result = await start(fault, directory);
        const works = await proveWhole(join(directory, 'kimono.db'));
        assert.ok([RESTORED, old].includes(works.size), `${works.size} works, not ${RESTORED} or ${old}`);
        if (result.status === 0) assert.equal(works.size, RESTORED);
      },
      spread,
    );
    assert.ok(old > RESTORED, 'old and restored store can be told apart');
    t.diagnostic(`${places} places`);
  });
