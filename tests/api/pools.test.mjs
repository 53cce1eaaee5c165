/** @file Files have threads of their own, and each person a share of them: nobody waits behind somebody else's export. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { OPS, PAIRS, World, addUser, pause, temporaryFolder } from './harness.mjs';

const PERSON = 3; // requests that one may have

/** More than pipe and kernel hold for a client that takes nothing. */
const LARGE = { pairs: 6000, answer: '很长的回答。'.repeat(120) };

/** @type {World} */
let world;
before(async () => {
  world = await World.open({ env: { KIMONO_HEAVY_WORKERS: '2', KIMONO_HEAVY_PER_PERSON: String(PERSON) } });
  const rows = Array.from({ length: LARGE.pairs }, (_, n) => `第 ${n} 问\t${LARGE.answer}`);
  const file = join(temporaryFolder(), 'large.tsv');
  writeFileSync(file, `question\tanswer\n${rows.join('\n')}\n`);
  await world.store.must(['import', file, '--tenant', 'shop-b']);
  await addUser(world.store, 'another', 'ops_admin');
});
after(() => world.close());

/** A figure of a pool. @param {string} name @param {string} pool */
async function figure(name, pool) {
  const { text } = await world.anyone.get('/metrics');
  return Number(new RegExp(`^kimono_workers_${name}\\{pool="${pool}"\\} (\\d+)$`, 'm').exec(text)?.[1]);
}

/** @param {string} name @param {number} wanted */
async function heavy(name, wanted) {
  while ((await figure(name, 'heavy')) !== wanted) await pause(10);
}

/** Asks for all pairs and takes nothing of the answer. @param {string | null} token */
function exportUnread(token) {
  const socket = connect({ port: world.server.port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.pause();
  const path = `${OPS}/knowledge/export?format=csv&tenant_id=shop-b`;
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  return socket;
}

describe('a person whose exports hold all of their share', () => {
  /** @type {import('node:net').Socket[]} */
  const held = [];
  before(async () => {
    for (let n = 0; n < PERSON; n++) held.push(exportUnread(world.admin.token));
    await heavy('running', 1); // half of two threads
    await heavy('waiting', PERSON - 1);
  });
  after(async () => {
    for (const socket of held) socket.destroy();
    await heavy('running', 0);
    await heavy('waiting', 0);
  });

  test('is refused the next file, without its body being read', async () => {
    const form = new FormData();
    form.set('file', new Blob(['question,answer\na,b\n']), 'x.csv');
    const answers = [
      await world.admin.get(`${OPS}/knowledge/export?format=csv`),
      await world.admin.send('POST', `${OPS}/knowledge/import/preview`, { form }),
    ];
    for (const answer of answers) {
      assert.equal(answer.status, 429, answer.text);
      assert.ok(Number(answer.headers['retry-after']) > 0);
    }
    assert.ok((await figure('refused_total', 'heavy')) >= 2);
  });

  test('can still look, and edit', async () => {
    await world.admin.must('GET', `${OPS}/knowledge/qa-pairs`);
    const json = { tenant_id: 'shop-a', question: '还能编辑吗', answer: '能。' };
    await world.admin.must('POST', `${OPS}/knowledge/qa-pairs`, { json, status: 201 });
  });

  test('keeps nobody else from a file', async () => {
    const another = world.anyone.as(await world.logIn('another'));
    const answer = await another.get(`${OPS}/knowledge/export?format=csv&tenant_id=shop-b`);
    assert.equal(answer.status, 200);
    assert.equal(answer.text.trimEnd().split('\r\n').length, 1 + LARGE.pairs);
  });

  test('keeps no customer from an answer', async () => {
    const { answer } = await world.ask('shop-a', PAIRS[0].question);
    assert.equal(answer, PAIRS[0].answer);
  });
});
