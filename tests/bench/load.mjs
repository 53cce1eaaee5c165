/**
 * @file What the benchmarks of running servers share: wrk and what it has measured, sessions, medians.
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {import('../lib/server.mjs').Server} Server */

/** Where stores and scripts are kept, and the benchmark programs built. */
export const FOLDER = join(fileURLToPath(new URL('../..', import.meta.url)), 'build', 'bench');
mkdirSync(FOLDER, { recursive: true });

/** @param {number[]} values */
export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/**
 * @param {string} command
 * @param {string[]} args
 * @returns {Promise<string>} its standard output
 */
export function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (text) => (output += text));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`${command} ended with ${code}`))));
  });
}

/** @param {string} text  a time as wrk writes it: 812.00us, 1.20ms, 1.02s */
function milliseconds(text) {
  const [, number, unit] = /** @type {RegExpExecArray} */ (/([\d.]+)(us|ms|s)/.exec(text));
  return Number(number) * { us: 0.001, ms: 1, s: 1000 }[/** @type {'us' | 'ms' | 's'} */ (unit)];
}

/**
 * @typedef {object} LoadOptions
 * @property {number} connections
 * @property {number} seconds
 * @property {Record<string, string>} [headers]
 * @property {string} [script]  file of Lua, for requests that are no GET
 */

/**
 * Loads a URL with wrk.
 * @param {string} url
 * @param {LoadOptions} options
 */
export async function load(url, { connections, seconds, headers = {}, script }) {
  const threads = String(Math.min(2, connections));
  const args = ['-t', threads, '-c', String(connections), '-d', `${seconds}s`, '--latency'];
  for (const [name, value] of Object.entries(headers)) args.push('-H', `${name}: ${value}`);
  if (script) args.push('-s', script);
  const output = await run('wrk', [...args, url]);
  if (/Non-2xx|Socket errors/.test(output)) throw new Error(`wrk on ${url}:\n${output}`);
  return {
    requests: Number(/(\d+) requests in/.exec(output)?.[1]),
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]),
    p50: milliseconds(/^\s*50%\s+(\S+)/m.exec(output)?.[1] ?? ''),
    p99: milliseconds(/^\s*99%\s+(\S+)/m.exec(output)?.[1] ?? ''),
  };
}

/** @param {Server} server */
export async function logIn(server) {
  const response = await fetch(`${server.url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ username: 'bench', password: 'bench-password' }),
  });
  return /** @type {{ access_token: string }} */ (await response.json()).access_token;
}
