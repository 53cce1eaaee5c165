/**
 * @file The types of the server's answers, for the type check of the pages, from the OpenAPI document that the binary
 * prints: build/types/core/api-types.d.ts, which tsconfig.json lays over src/static/ops/js/core.
 *
 *     node tools/make_api_types.mjs
 *
 * One interface for each schema of the document, and Answer<'GET /ops/tenants/…'>, what a route answers.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ROOT } from './lib/tree.mjs';

const KIMONO = resolve(ROOT, process.env.KIMONO_BIN ?? 'build/kimono');
const OUT = join(ROOT, 'build', 'types', 'core', 'api-types.d.ts');
const API = '/api/v1';

/**
 * @typedef {object} Schema  as much of JSON Schema as the document uses
 * @property {string} [$ref]
 * @property {string | string[]} [type]
 * @property {(string | null)[]} [enum]
 * @property {Schema[]} [anyOf]
 * @property {Schema} [items]
 * @property {Record<string, Schema>} [properties]
 * @property {string[]} [required]
 * @property {boolean | Schema} [additionalProperties]
 * @property {string} [description]
 */

if (!existsSync(KIMONO)) {
  console.error(`${KIMONO} is not built yet, and the types of the API's answers come from it: make build`);
  process.exit(1);
}
const document = JSON.parse(execFileSync(KIMONO, ['openapi'], { encoding: 'utf8', maxBuffer: 1 << 26 }));
mkdirSync(dirname(OUT), { recursive: true });
writeFileSync(OUT, [`/* Made by tools/make_api_types.mjs. */\n`, ...interfaces(), ...answers()].join('\n'));

function interfaces() {
  const schemas = /** @type {[string, Schema][]} */ (Object.entries(document.components.schemas));
  return schemas.map(([name, schema]) => `export interface ${name} ${members(schema, '')}\n`);
}

/** What is asked for at an address: the routes, and which of them an address is. */
function answers() {
  const routes = Object.entries(document.paths)
    .filter(([path]) => path.startsWith(API))
    .flatMap(([path, item]) =>
      Object.entries(/** @type {object} */ (item)).map(([method, operation]) => ({
        route: `${method.toUpperCase()} ${path.slice(API.length)}`,
        type: typeOfAnswer(operation),
      })),
    );
  const rows = routes.map(({ route, type }) => `  '${route}': ${type};`);
  // The deepest first: /tenants/ID/stats is also a /tenants/ID whose id has a stroke in it.
  const patterns = routes
    .filter(({ route }) => route.includes('{'))
    .sort((a, b) => b.route.split('/').length - a.route.split('/').length)
    .map(({ route }) => `  : R extends \`${route.replace(/\{\w+\}/g, '${string}')}\` ? Answers['${route}']`);
  return [
    `export interface Answers {\n${rows.join('\n')}\n}\n`,
    `/** "GET /ops/tenants/${'${string}'}" → what it answers; no route: unknown. */`,
    `export type Answer<R extends string> = R extends keyof Answers ? Answers[R]\n${patterns.join('\n')}\n  : unknown;\n`,
  ];
}

/** @param {{ responses: Record<string, { content?: Record<string, { schema: Schema }> }> }} operation */
function typeOfAnswer({ responses }) {
  const types = Object.entries(responses)
    .filter(([status]) => status.startsWith('2'))
    .map(([, { content }]) => {
      if (!content) return 'null';
      const json = content['application/json']?.schema;
      return json && Object.keys(json).length ? typeOf(json, '  ') : 'unknown';
    });
  return [...new Set(types)].join(' | ');
}

/**
 * @param {Schema} schema
 * @param {string} indent
 * @returns {string}
 */
function typeOf(schema, indent) {
  if (schema.$ref) return schema.$ref.split('/').at(-1) ?? '';
  if (schema.anyOf) return schema.anyOf.map((one) => typeOf(one, indent)).join(' | ');
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const types = Array.isArray(schema.type) ? schema.type : [schema.type];
  return types.map((type) => plainType(type, schema, indent)).join(' | ');
}

/**
 * @param {string | undefined} type
 * @param {Schema} schema
 * @param {string} indent
 */
function plainType(type, schema, indent) {
  switch (type) {
    case 'integer':
      return 'number';
    case 'array':
      return `Array<${schema.items ? typeOf(schema.items, indent) : 'unknown'}>`;
    case 'object':
      if (schema.properties) return members(schema, indent);
      return `Record<string, ${typeof schema.additionalProperties === 'object' ? typeOf(schema.additionalProperties, indent) : 'unknown'}>`;
    case 'string':
    case 'number':
    case 'boolean':
    case 'null':
      return type;
    default:
      throw new Error(`The document has a type that is not known here: ${JSON.stringify(schema)}`);
  }
}

/**
 * @param {Schema} schema
 * @param {string} indent
 */
function members({ properties = {}, required = [] }, indent) {
  const lines = Object.entries(properties).map(([name, field]) => {
    const description = field.description ? `${indent}  /** ${field.description.replaceAll('*/', '* /')} */\n` : '';
    return `${description}${indent}  ${name}${required.includes(name) ? '' : '?'}: ${typeOf(field, `${indent}  `)};\n`;
  });
  return `{\n${lines.join('')}${indent}}`;
}
