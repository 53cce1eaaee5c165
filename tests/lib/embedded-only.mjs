/**
 * @file What is skipped where the store is PostgreSQL, and why: nothing else may be. `embeddedOnly('…')` in server.mjs
 * skips a test by one of these; tools/test.mjs counts how often each was the reason.
 */
export const EMBEDDED_ONLY = {
  file: 'the test damages, fills, moves or removes files of the database, which a database server keeps for itself',
  backup: '`kimono backup` and `restore` copy the embedded store; a database server has its own tools',
  key: 'the signing key is a row of the database, which has no owner that the service could lack the right of',
  lock: 'the test stops a process where it does not hold the lock of writing, which only the embedded store tells',
  upgrade: 'the stores of earlier versions are SQLite files: nothing was released for PostgreSQL',
};
