/**
 * Builds the console's pages, and the C table by which the server carries them.
 *
 *   node tools/build_pages.mjs --out DIR [--watch]
 *
 * DIR/ops/…                    the pages as they are served: bundled, minified, with content-hashed names (all but the
 *                              two entry pages), each with a .br and a .gz beside it where that is smaller
 * DIR/assets.c, DIR/assets.S   the same for the binary, as src/http/static_assets.h declares it
 *
 * Markup is put together first: `<!-- {{include FILE}} -->` stands for the text of that file, a path from the folder of
 * the file that it stands in. index.html includes the frame's parts and the widgets' templates, a page's fragment its own
 * parts.
 *
 * The same input gives the same bytes. A text or an icon that a page names and nobody has, or a part that no page
 * includes, is an error here, not a hole on the screen.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { watch } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import zlib from 'node:zlib';
import esbuild from 'esbuild';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const PAGES = path.join(ROOT, 'src/static/ops');
const MODULES = path.join(ROOT, 'node_modules');
/** Documents of their own; each other page is a fragment that the frame shows. */
const FRAME = 'index.html';
const LOG_IN = 'js/pages/login/login.html';
const ENTRY_PAGES = [FRAME, LOG_IN];
/** What no page needs at first, or only one of several is needed of: files of their own. */
const SCRIPTS_APART = ['widgets/trend/charts.js', 'i18n/zh-CN.js', 'i18n/en.js'];
/** Before the first paint, so these can't be modules. */
const CLASSIC_SCRIPTS = ['early.js', 'core/theme.js'];

const BUNDLED_PACKAGES = ['@alpinejs/csp', 'diff', 'echarts', 'lucide-static', 'tailwindcss', 'zrender'];
const BROWSERS = ['chrome111', 'firefox128', 'safari16.4'];

/** @type {Record<string, string>} */
const CONTENT_TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
};

/**
 * @typedef {object} Asset
 * @property {string} path  as in the address: /ops/…
 * @property {Buffer} content
 * @property {boolean} immutable
 */

const { values: options } = parseArgs({
  options: { out: { type: 'string' }, watch: { type: 'boolean', default: false } },
});
if (!options.out) {
  console.error('usage: node tools/build_pages.mjs --out DIR [--watch]');
  process.exit(2);
}
const OUT = path.resolve(options.out);

await build();
if (options.watch) watchSources();

async function build() {
  const sources = await readSources();
  const pages = assemblePages(sources);
  await checkTexts(sources);
  checkTemplates(pages);
  const [scripts, css, icons] = await Promise.all([bundleScripts(), compileStyles(), makeSprite(pages, sources)]);
  const assets = [
    ...scripts.assets,
    css,
    hashed('/ops/licences.txt', Buffer.from(await collectLicences())),
    ...makeFragments(pages),
  ];
  const page = { assets, icons, favicon: faviconAddress(sources), apart: scripts.apart };
  for (const name of ENTRY_PAGES) assets.push(makeEntryPage(name, required(pages, name), page));
  assets.sort((a, b) => (a.path < b.path ? -1 : 1));
  await writeOutput(assets);
}

/** @returns {Promise<Map<string, string>>}  path below src/static/ops → text, sorted */
async function readSources() {
  const names = await readdir(PAGES, { recursive: true });
  const files = names.filter((name) => /\.(html|js|css|svg)$/.test(name)).sort();
  const texts = await Promise.all(files.map((name) => readFile(path.join(PAGES, name), 'utf8')));
  return new Map(files.map((name, index) => [name.split(path.sep).join('/'), texts[index]]));
}

/**
 * @param {Map<string, string>} sources
 * @param {string} name
 */
function required(sources, name) {
  const text = sources.get(name);
  if (text === undefined) throw new Error(`src/static/ops/${name} is missing`);
  return text;
}

// ── parts of pages ──

/**
 * The entry pages and the pages' fragments, whole: each is the file that is named as its folder is.
 * @param {Map<string, string>} sources
 * @returns {Map<string, string>}  path below src/static/ops → markup
 */
function assemblePages(sources) {
  const markup = [...sources.keys()].filter((name) => name.endsWith('.html'));
  const isPage = (/** @type {string} */ name) => name === FRAME || /^js\/pages\/([\w-]+)\/\1\.html$/.test(name);
  /** @type {Set<string>} */
  const included = new Set();
  const pages = new Map(markup.filter(isPage).map((name) => [name, assemble(name, sources, included)]));
  const alone = markup.filter((name) => !isPage(name) && !included.has(name));
  if (alone.length) throw new Error(`No page includes ${alone.join(', ')}`);
  return pages;
}

/**
 * @param {string} name
 * @param {Map<string, string>} sources
 * @param {Set<string>} included  grows
 * @returns {string}
 */
function assemble(name, sources, included) {
  return required(sources, name).replace(/<!-- \{\{include ([^}]+)\}\} -->/g, (_, part) => {
    const file = path.posix.join(path.posix.dirname(name), part);
    if (included.has(file)) throw new Error(`${name} includes ${part}, which has its place already`);
    included.add(file);
    return assemble(file, sources, included);
  });
}

// ── texts ──

/**
 * The type check sees the keys that scripts use; this sees those in markup, those that two files have, and the texts
 * that nobody uses.
 * @param {Map<string, string>} sources
 */
async function checkTexts(sources) {
  /** @type {Map<string, string>}  key → whose it is */
  const texts = new Map();
  for (const [name, text] of [...sources].filter(([file]) => isTexts(file))) {
    // The query makes a new module of it each time, so that --watch sees a change.
    const { zh } = await import(`${pathToFileURL(path.join(PAGES, name))}?${sha256(text)}`);
    for (const key of Object.keys(zh)) {
      if (texts.has(key)) throw new Error(`${name} and ${texts.get(key)} both have the text '${key}'`);
      texts.set(key, name);
    }
  }
  const markup = [...sources].filter(([name]) => name.endsWith('.html'));
  for (const [name, text] of markup) {
    for (const [, key] of text.matchAll(/\$t\('([^']+)'(?! \+)/g)) {
      if (!texts.has(key)) throw new Error(`${name} uses the text '${key}', which is in no texts.js`);
    }
  }
  const users = [...sources].filter(([name]) => !isTexts(name)).map(([, text]) => text);
  const all = users.join('\n');
  // Keys made at run time: `health.${status}`, tValue('role', …), $t('theme.' + …)
  const prefixes = [...all.matchAll(/`(\w+)\.\$\{|[tT]Value\('(\w+)'|\$t\('(\w+)\.' \+/g)].map(
    (m) => m[1] ?? m[2] ?? m[3],
  );
  const unused = [...texts].filter(
    ([key]) => !all.includes(`'${key}'`) && !prefixes.some((prefix) => key.startsWith(`${prefix}.`)),
  );
  if (unused.length) throw new Error(`Nobody uses these texts: ${unused.map((row) => row.join(' of ')).join(', ')}`);
}

/** @param {string} name */
function isTexts(name) {
  return path.posix.basename(name) === 'texts.js';
}

/**
 * What a page uses by `x-use:ID` is a <template id="ID"> of the frame.
 * @param {Map<string, string>} pages
 */
function checkTemplates(pages) {
  const frame = required(pages, FRAME);
  for (const [name, text] of [...pages].filter(([page]) => page !== LOG_IN)) {
    for (const [, id] of text.matchAll(/ x-use:([\w-]+)=/g)) {
      if (!frame.includes(`<template id="${id}"`))
        throw new Error(`${name} uses the template '${id}', which is not there`);
    }
  }
}

// ── scripts and styles ──

/**
 * One file for each entry: a page that is opened costs no further round trip, and its modules are run when they are
 * imported all the same.
 */
async function bundleScripts() {
  const apart = await bundle(SCRIPTS_APART, { format: 'esm' });
  const [app, login, classic] = await Promise.all([
    bundle(['app.js'], { format: 'esm', plugins: [leaveApart(apart)] }),
    bundle(['pages/login/login.js'], { format: 'esm', plugins: [leaveApart(apart)] }),
    bundle(CLASSIC_SCRIPTS, { format: 'iife' }),
  ]);
  return { assets: [...apart, ...app, ...login, ...classic].map(({ asset }) => asset), apart };
}

/**
 * @param {string[]} names  below js/
 * @param {import('esbuild').BuildOptions} options
 * @returns {Promise<{ name: string, asset: Asset }[]>}
 */
async function bundle(names, options) {
  return Promise.all(
    names.map(async (name) => {
      const entryPoints = [`src/static/ops/js/${name}`];
      const { outputFiles = [] } = await esbuild.build({ ...esbuildOptions(), ...options, entryPoints });
      return { name, asset: hashed(`/ops/js/${path.basename(name)}`, Buffer.from(outputFiles[0].contents)) };
    }),
  );
}

/**
 * An import() of one of these stays one, at the address that it has.
 * @param {{ name: string, asset: Asset }[]} apart
 * @returns {import('esbuild').Plugin}
 */
function leaveApart(apart) {
  const addresses = new Map(apart.map(({ name, asset }) => [path.join(PAGES, 'js', name), asset.path]));
  return {
    name: 'leave-apart',
    setup(build) {
      build.onResolve({ filter: /^\./ }, ({ kind, path: imported, resolveDir }) => {
        const address = addresses.get(path.join(resolveDir, imported));
        return kind === 'dynamic-import' && address ? { path: address, external: true } : undefined;
      });
    },
  };
}

/** @returns {import('esbuild').BuildOptions & { write: false, outdir: string }} */
function esbuildOptions() {
  return {
    absWorkingDir: ROOT,
    outdir: path.join(ROOT, 'unwritten/ops/js'),
    bundle: true,
    minify: true,
    write: false,
    charset: 'utf8',
    target: BROWSERS,
    tsconfigRaw: {}, // That file is for the type check; it must not change what is built.
    legalComments: 'none', // The licences are served as a file of their own.
    logLevel: 'warning',
  };
}

async function compileStyles() {
  const command = path.join(MODULES, '@tailwindcss/cli/dist/index.mjs');
  const arguments_ = [command, '--input', path.join(PAGES, 'css/ops.css'), '--output', '-', '--minify'];
  const { stdout } = await promisify(execFile)(process.execPath, arguments_, { cwd: ROOT, maxBuffer: 1 << 24 });
  return hashed('/ops/css/ops.css', Buffer.from(stdout));
}

// ── markup ──

/**
 * One sprite of the icons in use, to stand in the page: `<use href="#icon-bell" />`. Names are found in markup as
 * `#icon-NAME` and in scripts as the string 'icon-NAME'.
 * @param {Map<string, string>} pages
 * @param {Map<string, string>} sources
 */
async function makeSprite(pages, sources) {
  /** @param {[string, string][]} files */
  const namesIn = (files) =>
    new Set(files.flatMap(([, text]) => [...text.matchAll(/(?:#|')icon-([a-z0-9-]+)'?/g)].map((match) => match[1])));
  const scripts = [...sources].filter(([name]) => name.endsWith('.js'));
  const brand = required(sources, 'favicon.svg').replace(/<svg[^>]*>/, '<symbol id="brand" viewBox="0 0 24 24">');
  /** @type {Record<string, string>} */
  const sprites = {};
  for (const page of ENTRY_PAGES) {
    // The log-in page stands alone; the frame has what its fragments and components need.
    const markup = [...pages].filter(([name]) => (page === LOG_IN) === (name === LOG_IN));
    const names = [...namesIn(page === LOG_IN ? markup : [...markup, ...scripts])].sort();
    const symbols = await Promise.all(names.map(readIcon));
    sprites[page] =
      `<svg width="0" height="0" class="absolute" aria-hidden="true">${squeeze(brand.replace('</svg>', '</symbol>'))}${symbols.join('')}</svg>`;
  }
  return sprites;
}

/** @param {string} name */
async function readIcon(name) {
  const file = path.join(MODULES, 'lucide-static/icons', `${name}.svg`);
  const svg = await readFile(file, 'utf8').catch(() => {
    throw new Error(`lucide has no icon '${name}'`);
  });
  const shapes = svg.slice(svg.indexOf('>', svg.indexOf('<svg')) + 1, svg.indexOf('</svg>'));
  return `<symbol id="icon-${name}" viewBox="0 0 24 24">${squeeze(shapes)}</symbol>`;
}

/** @param {Map<string, string>} sources */
function faviconAddress(sources) {
  return `data:image/svg+xml,${encodeURIComponent(squeeze(required(sources, 'favicon.svg')))}`;
}

/** @param {Map<string, string>} pages */
function makeFragments(pages) {
  return [...pages]
    .filter(([name]) => !ENTRY_PAGES.includes(name))
    .map(([name, text]) => hashed(`/ops/${path.basename(name)}`, Buffer.from(squeeze(text))));
}

/**
 * @param {string} name
 * @param {string} text
 * @param {object} parts
 * @param {Asset[]} parts.assets
 * @param {Record<string, string>} parts.icons
 * @param {string} parts.favicon
 * @param {Awaited<ReturnType<typeof bundleScripts>>['apart']} parts.apart
 * @returns {Asset}
 */
function makeEntryPage(name, text, { assets, icons, favicon, apart }) {
  const fragments = assets
    .filter((asset) => asset.path.endsWith('.html'))
    .map((asset) => `<meta name="fragment:${originalName(asset.path)}" content="${asset.path}">`);
  const scripts = apart.map(
    ({ name: file, asset }) => `<meta name="script:${path.basename(file, '.js')}" content="${asset.path}">`,
  );
  const filled = text
    .replace(/"(\/ops\/[\w/-]+\.(?:css|js|txt))"/g, (_, address) => `"${hashedAddress(address, assets)}"`)
    .replace('{{favicon}}', favicon)
    .replace('<!-- {{icons}} -->', icons[name])
    .replace('<!-- {{addresses}} -->', [...fragments, ...scripts].join(''));
  return { path: `/ops/${path.basename(name)}`, content: Buffer.from(squeeze(filled)), immutable: false };
}

/**
 * @param {string} address
 * @param {Asset[]} assets
 */
function hashedAddress(address, assets) {
  const { dir, name, ext } = path.posix.parse(address);
  const found = assets.find((asset) => {
    const parts = path.posix.parse(asset.path);
    return parts.dir === dir && parts.ext === ext && originalName(asset.path) === name;
  });
  if (!found) throw new Error(`${address} was not built`);
  return found.path;
}

/** @param {string} address */
function originalName(address) {
  return path.posix.parse(address).name.replace(/-[0-9A-Za-z]{8}$/, '');
}

/**
 * Takes comments and indentation out of markup. White space never matters in ours: all texts come from i18n/.
 * @param {string} markup
 */
function squeeze(markup) {
  return markup
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/\s*\n\s*/g, '\n')
    .trim();
}

/** The licences of what is bundled ask to be passed on with it. */
async function collectLicences() {
  const texts = await Promise.all(
    BUNDLED_PACKAGES.map(async (name) => {
      const folder = path.join(MODULES, name);
      const { version, license } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'));
      const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice)(\.\w+)?$/i.test(file)).sort();
      const contents = await Promise.all(files.map((file) => readFile(path.join(folder, file), 'utf8')));
      return `${name} ${version} (${license})\n\n${contents.join('\n').trim()}\n`;
    }),
  );
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

// ── output ──

/**
 * @param {string} address
 * @param {Buffer} content
 * @returns {Asset}
 */
function hashed(address, content) {
  const { dir, name, ext } = path.posix.parse(address);
  return { path: `${dir}/${name}-${sha256(content).slice(0, 8)}${ext}`, content, immutable: true };
}

/** @param {string | Buffer} content */
function sha256(content) {
  return createHash('sha256').update(content).digest('hex');
}

/** @param {Asset[]} assets */
async function writeOutput(assets) {
  const written = new Set();
  /** @type {(Asset & { gzip: Buffer | null, brotli: Buffer | null })[]} */
  const encoded = [];
  for (const asset of assets) {
    const gzip = ifSmaller(asset, zlib.gzipSync(asset.content, { level: 9 }));
    const brotli = ifSmaller(asset, zlib.brotliCompressSync(asset.content));
    encoded.push({ ...asset, gzip, brotli });
    for (const [suffix, content] of /** @type {const} */ ([
      ['', asset.content],
      ['.gz', gzip],
      ['.br', brotli],
    ])) {
      if (content) written.add(await write(`${asset.path.slice(1)}${suffix}`, content));
    }
  }
  await removeOthers(written);
  await write('assets.S', assembly(encoded));
  await write('assets.c', table(encoded));
  report(encoded);
}

/**
 * @param {Asset} asset
 * @param {Buffer} compressed
 */
function ifSmaller(asset, compressed) {
  return compressed.length < asset.content.length ? compressed : null;
}

/**
 * @param {string} name
 * @param {string | Buffer} content
 */
async function write(name, content) {
  const file = path.join(OUT, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}

/** Takes away what an earlier build left. @param {Set<string>} written */
async function removeOthers(written) {
  const entries = await readdir(path.join(OUT, 'ops'), { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    if (entry.isFile() && !written.has(file)) await rm(file);
  }
}

/** @typedef {Asset & { gzip: Buffer | null, brotli: Buffer | null }} EncodedAsset */

/** The files themselves, as symbols. @param {EncodedAsset[]} assets */
function assembly(assets) {
  const blocks = assets.flatMap((asset, index) =>
    encodings(asset).map(({ name, suffix }) => {
      const symbol = `static_asset_${index}_${name}`;
      const file = path.join(OUT, `${asset.path}${suffix}`);
      return `\t.balign 16\n\t.global ${symbol}\n\t.hidden ${symbol}\n\t.type ${symbol}, %object\n${symbol}:\n\t.incbin ${JSON.stringify(file)}\n\t.size ${symbol}, . - ${symbol}\n`;
    }),
  );
  return `/* Made by tools/build_pages.mjs. */\n\t.section .rodata, "a", %progbits\n${blocks.join('')}\t.section .note.GNU-stack, "", %progbits\n`;
}

/** The table, sorted by path. @param {EncodedAsset[]} assets */
function table(assets) {
  const declarations = assets.flatMap((asset, index) =>
    encodings(asset).map(({ name }) => `extern const unsigned char static_asset_${index}_${name}[];\n`),
  );
  const rows = assets.map((asset, index) => {
    const available = encodings(asset);
    /** @param {string} name */
    const symbol = (name) => (available.some((a) => a.name === name) ? `static_asset_${index}_${name}` : '0');
    return `\t{ .path = ${JSON.stringify(asset.path)},
\t  .content_type = ${JSON.stringify(contentType(asset.path))},
\t  .etag = "\\"${sha256(asset.content).slice(0, 16)}\\"",
\t  .immutable = ${asset.immutable},
\t  .identity = ${symbol('identity')}, .gzip = ${symbol('gzip')}, .brotli = ${symbol('brotli')},
\t  .identity_length = ${asset.content.length}, .gzip_length = ${asset.gzip?.length ?? 0}, .brotli_length = ${asset.brotli?.length ?? 0} },\n`;
  });
  return `/* Made by tools/build_pages.mjs. */
#include "http/static_assets.h"

${declarations.join('')}
const struct static_asset static_assets[] = {
${rows.join('')}};

const size_t static_asset_count = sizeof(static_assets) / sizeof(static_assets[0]);
`;
}

/** @param {EncodedAsset} asset */
function encodings(asset) {
  return [
    { name: 'identity', suffix: '' },
    ...(asset.gzip ? [{ name: 'gzip', suffix: '.gz' }] : []),
    ...(asset.brotli ? [{ name: 'brotli', suffix: '.br' }] : []),
  ];
}

/** @param {string} address */
function contentType(address) {
  const type = CONTENT_TYPES[path.posix.extname(address)];
  if (!type) throw new Error(`${address} has no content type`);
  return type;
}

/** @param {EncodedAsset[]} assets */
function report(assets) {
  /** @param {Buffer | null} content */
  const kilobytes = (content) => `${((content?.length ?? 0) / 1024).toFixed(1)} KB`.padStart(10);
  for (const asset of assets) {
    console.log(
      `${asset.path.padEnd(40)}${kilobytes(asset.content)}${kilobytes(asset.gzip)} gz${kilobytes(asset.brotli)} br`,
    );
  }
}

function watchSources() {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  watch(PAGES, { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      console.log('— changed —');
      build().catch((error) => console.error(error.message));
    }, 100);
  });
}
