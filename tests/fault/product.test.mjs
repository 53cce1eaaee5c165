// The product, killed and starved at every write, flush and step of a small day: afterwards `kimono check`
// finds the store whole, and everything that was answered is there.
// KIMONO_FAULT_LIB: faults.c as a library. KIMONO_PRODUCT_CHILD: product_fault_child.c. KIMONO_BIN: kimono.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { embeddedOnly } from '../lib/server.mjs';
import { countCalls, forEachFault, pathFromEnvironment, run, withDirectory } from './fault.mjs';

const library = pathFromEnvironment('KIMONO_FAULT_LIB');
const onFiles = { skip: embeddedOnly('file') };
const child = pathFromEnvironment('KIMONO_PRODUCT_CHILD');
const kimono = pathFromEnvironment('KIMONO_BIN');
// Between any two statements, at every one of them; of the writes, so many, evenly spread.
const PLACES = Number(process.env.KIMONO_FAULT_PLACES ?? 60);
const KILL_PLACES = Number(process.env.KIMONO_FAULT_PLACES ?? Infinity);

const work = (fault, directory) => run(child, ['work', join(directory, 'data')], { fault });

/** The acknowledged things that the store lacks, as the child tells them. */
function lost(directory, acknowledged) {
  return new Promise((resolve, reject) => {
    const verifier = spawn(child, ['verify', join(directory, 'data')], { stdio: ['pipe', 'pipe', 'inherit'] });
    let output = '';
    verifier.stdout.on('data', (data) => (output += data));
    verifier.on('error', reject);
    verifier.on('close', (status) => (status === 0 ? resolve(output) : reject(new Error(`verify: status ${status}`))));
    verifier.stdin.end(acknowledged);
  });
}

async function proveWhole(directory, stdout) {
  if (!existsSync(join(directory, 'data', 'kimono.db'))) {
    assert.doesNotMatch(stdout, /^ack/m, 'something was acknowledged, and there is no store');
    return;
  }
  assert.equal(await lost(directory, stdout), '', 'acknowledged and lost');
  const check = await run(kimono, ['check', '--data', join(directory, 'data')]);
  assert.equal(check.stdout.trimEnd().split('\n').at(-1), 'whole', check.stdout + check.stderr);
  assert.equal(check.status, 0);
}

const steps = { library, step: true };
const writes = { library, path: '/data/' };

for (const [name, base, kind] of [
  ['killed between two statements', steps, 'kill'],
  ['killed at a write', writes, 'kill'],
  ['the disk is full once', writes, 'enospc'],
  ['a write is refused once', writes, 'eio'],
]) {
  test(`the product, ${name}: whole, and nothing that was answered is lost`, onFiles, async (t) => {
    const calls = await countCalls(base, work);
    const places = await forEachFault(
      { ...base, kind },
      calls,
      async (fault, directory) => {
        const result = await work(fault, directory);
        if (kind !== 'kill') assert.equal(result.signal, null, `it crashed: ${result.stderr}`);
        await proveWhole(directory, result.stdout);
      },
      { atMost: base.step ? KILL_PLACES : PLACES },
    );
    t.diagnostic(`${places} of ${calls} places`);
  });
}

test('the product, a disk that stays full: clear errors, whole afterwards', onFiles, async (t) => {
  const calls = await countCalls(writes, work);
  const places = await forEachFault(
    { ...writes, kind: 'enospc', for: 0 },
    calls,
    async (fault, directory) => {
      const result = await work(fault, directory);
      assert.equal(result.signal, null, `it crashed: ${result.stderr}`);
      await proveWhole(directory, result.stdout);
    },
    { atMost: Math.min(PLACES, 30) },
  );
  t.diagnostic(`${places} of ${calls} places`);
});

test('the child is undisturbed without a fault', onFiles, () =>
  withDirectory(async (directory) => {
    const result = await work(undefined, directory);
    assert.equal(result.status, 0, result.stderr);
    assert.equal([...result.stdout.matchAll(/^ack message/gm)].length, 6);
    await proveWhole(directory, result.stdout);
  }),
);
