// Two overlapping distributions at once, one of them cancelled in the middle, killed between statements and in writes,
// with full and failing disks: whatever happens, each tenant has each template once or not at all, the jobs' items,
// figures and progress say which, and the next process goes on to the end.
// KIMONO_FAULT_LIB: faults.c as a library. KIMONO_JOBS_CHILD: jobs_fault_child.c. KIMONO_BIN: kimono.
import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { before, test } from 'node:test';
import { embeddedOnly, temporaryFolder } from '../lib/server.mjs';
import { countCalls, forEachFault, pathFromEnvironment, run, withDirectory } from './fault.mjs';

const library = pathFromEnvironment('KIMONO_FAULT_LIB');
const onFiles = { skip: embeddedOnly('file') };
const child = pathFromEnvironment('KIMONO_JOBS_CHILD');
const kimono = pathFromEnvironment('KIMONO_BIN');
const PLACES = Number(process.env.KIMONO_FAULT_PLACES ?? 12);

/** A store with tenants and templates, from which each try begins. */
const prepared = join(temporaryFolder(), 'data');
before(async () => {
  const { status, stderr } = await run(child, ['prepare', prepared]);
  assert.equal(status, 0, stderr);
});

async function work(fault, directory) {
  const data = join(directory, 'data');
  await cp(prepared, data, { recursive: true });
  return run(child, ['work', data], { fault });
}

/** The lines that a query finds; there should be none. */
const LIES = {
  'a tenant has a template twice': `
    SELECT tenant_id, template_id FROM qa_pairs WHERE template_id IS NOT NULL AND deleted_at IS NULL
    GROUP BY tenant_id, template_id HAVING COUNT(*) > 1`,
  'a tenant has a question twice': `
    SELECT tenant_id, question FROM qa_pairs WHERE deleted_at IS NULL GROUP BY tenant_id, question HAVING COUNT(*) > 1`,
  'an item says done, and the tenant lacks a template': `
    SELECT i.job_id, i.target_id, t.value FROM job_items i JOIN jobs j ON j.id = i.job_id,
      json_each(j.parameters, '$.template_ids') t
    WHERE i.outcome = 'done' AND NOT EXISTS
      (SELECT 1 FROM qa_pairs p WHERE p.tenant_id = i.target_id AND p.template_id = t.value AND p.deleted_at IS NULL)`,
  'a tenant has a template, and no item says so': `
    SELECT p.tenant_id, p.template_id FROM qa_pairs p WHERE p.template_id IS NOT NULL AND NOT EXISTS
      (SELECT 1 FROM job_items i JOIN jobs j ON j.id = i.job_id, json_each(j.parameters, '$.template_ids') t
       WHERE i.target_id = p.tenant_id AND i.outcome = 'done' AND t.value = p.template_id)`,
  'progress is not the number of items': `
    SELECT id, progress_done FROM jobs WHERE progress_done <>
      (SELECT COUNT(*) FROM job_items i WHERE i.job_id = jobs.id AND i.outcome IS NOT NULL)`,
  'the figures are not the sum of the items': `
    SELECT id, result FROM jobs WHERE progress_done > 0 AND (json_extract(result, '$.created'),
      json_extract(result, '$.unchanged'), json_extract(result, '$.tenants')) <>
      (SELECT SUM(json_extract(detail, '$.created')), SUM(json_extract(detail, '$.unchanged')), COUNT(*)
       FROM job_items i WHERE i.job_id = jobs.id AND i.outcome IS NOT NULL)`,
  'a tenant was reached, and the audit log lacks it': `
    SELECT i.job_id, i.target_id FROM job_items i WHERE i.outcome IS NOT NULL AND 1 <>
      (SELECT COUNT(*) FROM ops_logs o, json_each(o.details, '$.after.tenants') t
       WHERE o.action = 'template.distribute' AND o.target_id = i.job_id AND t.value = i.target_id)`,
  'a job is open': "SELECT id, status FROM jobs WHERE status IN ('queued', 'running')",
  'a job failed without a reason': "SELECT id FROM jobs WHERE status = 'failed' AND error_en IS NULL",
  'a job succeeded with items left': `
    SELECT id FROM jobs WHERE status = 'succeeded' AND progress_done <> progress_total`,
};

function proveTruth(directory, acknowledged) {
  const database = new DatabaseSync(join(directory, 'data', 'kimono.db'), { readOnly: true });
  try {
    for (const [lie, sql] of Object.entries(LIES)) assert.deepEqual(database.prepare(sql).all(), [], lie);
    const jobs = database.prepare('SELECT id, status FROM jobs').all();
    for (const [, id] of acknowledged.matchAll(/^ack (\S+)$/gm)) {
      assert.ok(
        jobs.some((job) => job.id === id),
        `${id} was asked for, and is gone`,
      );
    }
    return jobs;
  } finally {
    database.close();
  }
}

/** Goes on as the next process does, and proves what must hold then. */
async function proveEnd(directory, { stdout }) {
  const next = await run(child, ['finish', join(directory, 'data')]);
  assert.equal(next.status, 0, next.stderr);
  const jobs = proveTruth(directory, stdout);
  const check = await run(kimono, ['check', '--data', join(directory, 'data')]);
  assert.equal(check.stdout.trimEnd().split('\n').at(-1), 'whole', check.stdout + check.stderr);
  return jobs;
}

const steps = { library, step: true };
const writes = { library, path: '/data/' };

for (const [name, fault, atMost] of [
  ['killed between two statements', { ...steps, kind: 'kill' }, PLACES * 2],
  ['killed at a write', { ...writes, kind: 'kill' }, PLACES],
  ['the disk is full once', { ...writes, kind: 'enospc' }, PLACES],
  ['the disk is full for a while', { ...writes, kind: 'enospc', for: 4 }, PLACES / 4],
  ['a write is refused once', { ...writes, kind: 'eio' }, PLACES],
]) {
  test(`two distributions, ${name}: once or not at all, and the jobs say which`, onFiles, async (t) => {
    const calls = await countCalls(fault, work);
    const ends = {};
    const attempt = async (at, directory) => {
      const result = await work(at, directory);
      if (fault.kind !== 'kill') assert.equal(result.signal, null, `it crashed: ${result.stderr}`);
      const jobs = await proveEnd(directory, result);
      // Nobody gives a job up because its process was killed.
      if (fault.kind === 'kill') assert.ok(!jobs.some((job) => job.status === 'failed'), 'a job failed');
      for (const { status } of jobs) ends[status] = (ends[status] ?? 0) + 1;
    };
    const places = await forEachFault(fault, calls, attempt, { atMost });
    t.diagnostic(`${places} of ${calls} places; jobs: ${JSON.stringify(ends)}`);
  });
}

test('undisturbed, one succeeds and the other is cancelled or was faster', onFiles, () =>
  withDirectory(async (directory) => {
    const result = await work(undefined, directory);
    assert.equal(result.status, 0, result.stderr);
    const statuses = (await proveEnd(directory, result)).map((job) => job.status);
    assert.equal(statuses.length, 2);
    assert.ok(
      statuses.every((status) => ['succeeded', 'cancelled'].includes(status)),
      String(statuses),
    );
  }),
);
