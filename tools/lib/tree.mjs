/**
 * @file The files of the project, without what is installed, built or filled beside them.
 */
import { readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the project, absolute. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

const SKIPPED = new Set(['.git', 'build', 'data', 'data.partial', 'node_modules']);

/**
 * @param {string} [folder]  below the root
 * @returns {string[]} paths relative to the root, sorted; no symbolic links
 */
export function projectFiles(folder = '.') {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter((entry) => folder !== '.' || !SKIPPED.has(entry.name))
    .flatMap((entry) => {
      const path = relative('.', join(folder, entry.name));
      if (entry.isDirectory()) return projectFiles(path);
      return entry.isFile() ? [path] : [];
    })
    .sort();
}
