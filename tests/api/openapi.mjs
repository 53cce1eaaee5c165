/**
 * @file The server's own OpenAPI document as the judge of its answers: an answer whose route, status, content type or
 * body is not what the document says fails the test that got it.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

/** Where the tests of one run leave what they exercised; unset: nowhere. */
const COVERAGE = process.env.KIMONO_API_COVERAGE;

/** By which schemas outside the document refer into it. */
const ID = 'https://kimono.test/openapi.json';

/** Answers of the HTTP layer, which every route can give and no route declares. */
const UNIVERSAL = new Set([400, 404, 405, 408, 413, 414, 417, 429, 431, 500, 501, 503, 505]);

export class Document {
  /** @param {any} json */
  constructor(json) {
    this.json = json;
    this.ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(this.ajv);
    this.ajv.addSchema(json, ID);
    /** @type {Map<string, import('ajv').ValidateFunction>} */
    this.compiled = new Map();
    this.routes = routesOf(json);
    /** @type {Set<string>} "GET /api/v1/…": those that gave a success */
    this.exercised = new Set();
  }

  /** @param {string} url  of the server */
  static async fetch(url) {
    const response = await fetch(`${url}/api/v1/openapi.json`);
    assert.equal(response.status, 200);
    const document = new Document(await response.json());
    document.exercised.add('GET /api/v1/openapi.json');
    return document;
  }

  /**
   * @param {string} method
   * @param {string} path  with the query
   * @param {import('./harness.mjs').Answer} answer
   */
  checkAnswer(method, path, answer) {
    const what = `${method} ${path} → ${answer.status}`;
    assert.match(String(answer.headers['x-request-id']), /^[\w.-]{1,64}$/, `${what}: X-Request-Id`);
    const route = this.#find(method === 'HEAD' ? 'GET' : method, path);
    if (!route) {
      assert.ok([404, 405].includes(answer.status), `${what}: the document has no such route`);
    }
    if (route && answer.status < 400) this.exercised.add(`${route.method} ${route.path}`);
    if (answer.status === 304) {
      assert.equal(answer.body.length, 0, what);
      return;
    }
    const declared = route?.operation.responses[answer.status];
    if (declared) this.#checkDeclared(what, method, answer, this.#resolve(declared));
    else this.#checkUniversal(what, method, answer);
  }

  /**
   * @param {string} method
   * @param {string} path
   */
  #find(method, path) {
    const segments = path.split('?')[0].split('/');
    return this.routes.find((route) => route.method === method && matches(route.path.split('/'), segments));
  }

  /** @param {any} node */
  #resolve(node) {
    if (!node.$ref) return node;
    return node.$ref
      .slice(2)
      .split('/')
      .reduce((/** @type {any} */ at, /** @type {string} */ key) => at[key], this.json);
  }

  /**
   * @param {string} what
   * @param {string} method
   * @param {import('./harness.mjs').Answer} answer
   * @param {any} declared
   */
  #checkDeclared(what, method, answer, declared) {
    if (!declared.content) {
      assert.equal(answer.body.length, 0, `${what}: the document has no body here`);
      return;
    }
    const type = bareType(answer.headers['content-type']);
    const declaredType = Object.keys(declared.content).find((name) => bareType(name) === type);
    assert.ok(declaredType, `${what}: content type ${type} is not in the document`);
    if (method === 'HEAD') assert.equal(answer.body.length, 0, what);
    else if (answer.json !== undefined) this.#validate(what, declared.content[declaredType].schema, answer.json);
  }

  /**
   * @param {string} what
   * @param {string} method
   * @param {import('./harness.mjs').Answer} answer
   */
  #checkUniversal(what, method, answer) {
    assert.ok(UNIVERSAL.has(answer.status), `${what}: the document does not know this status: ${answer.text}`);
    assert.equal(bareType(answer.headers['content-type']), 'application/problem+json', what);
    if (method !== 'HEAD') this.#validate(what, { $ref: '#/components/schemas/Problem' }, answer.json);
  }

  /**
   * @param {string} what
   * @param {object} schema
   * @param {unknown} value
   */
  #validate(what, schema, value) {
    const validate = this.compile(schema);
    assert.ok(validate(value), `${what}: ${this.ajv.errorsText(validate.errors)}\n${JSON.stringify(value)}`);
  }

  /** @param {object} schema  whose references are those of the document */
  compile(schema) {
    const text = JSON.stringify(schema).replaceAll('"$ref":"#/', `"$ref":"${ID}#/`);
    const known = this.compiled.get(text);
    if (known) return known;
    const validate = this.ajv.compile(JSON.parse(text));
    this.compiled.set(text, validate);
    return validate;
  }

  /** Leaves what was exercised where loadExercised() of another process finds it. */
  saveExercised() {
    if (!COVERAGE) return;
    mkdirSync(COVERAGE, { recursive: true });
    writeFileSync(join(COVERAGE, `${process.pid}-${Date.now()}.json`), JSON.stringify([...this.exercised]));
  }
}

/** @returns {Set<string> | null} what all tests of the run exercised; null outside of a run */
export function loadExercised() {
  if (!COVERAGE) return null;
  const files = readdirSync(COVERAGE).map((name) => readFileSync(join(COVERAGE, name), 'utf8'));
  return new Set(files.flatMap((text) => JSON.parse(text)));
}

/**
 * @typedef {object} Route
 * @property {string} method
 * @property {string} path  a template
 * @property {any} operation
 */

/**
 * @param {any} document
 * @returns {Route[]}
 */
function routesOf(document) {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(/** @type {object} */ (item)).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    })),
  );
}

/**
 * @param {string[]} template
 * @param {string[]} segments
 */
function matches(template, segments) {
  if (template.length !== segments.length) return false;
  return template.every((part, i) => (part.startsWith('{') ? segments[i] !== '' : part === segments[i]));
}

/** @param {string | undefined} type */
const bareType = (type) => (type ?? '').split(';')[0].trim().toLowerCase();
