/** @file The rule for names of static functions finds those that several files have, and nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedStaticNames, staticFunctions } from '../../tools/lib/static_names.mjs';

test('static functions are found, declared or defined, each once', () => {
  const source = `
static bool queue_add(struct queue *queue, int64_t id);
static inline size_t queue_length(const struct queue *queue)
{
    return queue->length;
}
static bool queue_add(struct queue *queue, int64_t id)
{
    static const char text[] = "static int quoted(void)";
    return add(queue, id);
}
static const struct option_spec *
find_option(const struct option_spec *options)
{
}
static enum result queue_fail(struct parse *parse, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
__attribute__((format(printf, 1, 3), format(printf, 2, 3))) static void
queue_say(const char *en, const char *zh, ...)
{
}
`;
  assert.deepEqual(staticFunctions(source), ['queue_add', 'queue_length', 'find_option', 'queue_fail', 'queue_say']);
});

test('variables, tables, pointers to functions, macros and public functions are none', () => {
  const source = `
static const struct row rows[] = {ROW(a), ROW(b)};
static int64_t started = clock(0);
static _Thread_local struct arena *spare;
static const char(*said)[12];
static void (*handler)(int number);
static TABLE_OF(things)
bool queue_open(struct queue *queue)
{
    return static_files_open(queue);
}
/* static bool in_a_comment(void) */
`;
  assert.deepEqual(staticFunctions(source), []);
});

test('a name that two files have is refused, with both of them', () => {
  const files = [
    { path: 'src/a.c', source: 'static void take(void)\n{\n}\nstatic void a_put(void)\n{\n}\n' },
    { path: 'src/b.c', source: 'static void take(void)\n{\n}\nstatic void b_put(void)\n{\n}\n' },
    { path: 'src/c.h', source: 'static inline int take(void)\n{\n}\n' },
  ];
  assert.deepEqual(sharedStaticNames(files), ['src/a.c: take() is also a static function of src/b.c, src/c.h']);
  assert.deepEqual(sharedStaticNames(files.slice(0, 1)), []);
});
