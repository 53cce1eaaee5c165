/* cli/: the words of a command line, options, the nearest name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/parse.h"

#define WORDS_MAX 16

/* Cuts at single spaces; '_' stands for an empty word. */
static enum parse_result parse_line(const char *line, struct parse *ret_parse, char *memory)
{
    char *argv[WORDS_MAX + 1] = {"kimono"};
    int argc = 1;
    strcpy(memory, line);
    for (char *word = strtok(memory, " "); word && argc < WORDS_MAX; word = strtok(NULL, " "))
        argv[argc++] = strcmp(word, "_") == 0 ? "" : word;
    return parse_words(commands, command_count, argc, argv, ret_parse);
}

static void test_what_runs(void **state)
{
    (void)state;
    static const struct {
        const char *line, *name, *arguments, *data;
    } cases[] = {
        {"serve", "kimono serve", "", NULL},
        {"serve --data d", "kimono serve", "", "d"},
        {"--data d serve", "kimono serve", "", "d"},
        {"serve --data=d", "kimono serve", "", "d"},
        {"serve --data=", "kimono serve", "", ""},
        {"serve --data=--x", "kimono serve", "", "--x"},
        {"serve --data -", "kimono serve", "", "-"},
        {"user list", "kimono user list", "", NULL},
        {"user --data d add bob --role ops_admin", "kimono user add", "bob", "d"},
        {"--data d user --role ops_admin add --tenant t bob", "kimono user add", "bob", "d"},
        {"tenant add t1 name --data d", "kimono tenant add", "t1 name", "d"},
        {"tenant add --data d -- --t1 -n", "kimono tenant add", "--t1 -n", "d"},
        {"tenant add - _", "kimono tenant add", "- ", NULL},
        {"import f.csv --dry-run --tenant t --data d", "kimono import", "f.csv", "d"},
        {"import --dry-run f.csv --tenant t", "kimono import", "f.csv", NULL},
        {"backup --data d f", "kimono backup", "f", "d"},
        {"demo --data d --live --rate 5", "kimono demo", "", "d"},
        {"help", "kimono help", "", NULL},
        {"help user", "kimono help", "user", NULL},
        {"version", "kimono version", "", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct parse parse;
        char memory[256], name[64], arguments[256] = "";
        enum parse_result result = parse_line(cases[i].line, &parse, memory);
        if (result != PARSE_RUN)
            fail_msg("%s: %s", cases[i].line, parse.problem);
        const struct invocation *invocation = &parse.invocation;
        assert_string_equal(cli_name(invocation, name, sizeof(name)), cases[i].name);
        for (size_t j = 0; j < invocation->argument_count; j++) {
            strcat(arguments, j ? " " : "");
            strcat(arguments, invocation->arguments[j]);
        }
        assert_string_equal(arguments, cases[i].arguments);
        const char *data = cli_option(invocation, "data");
        assert_int_equal(data == NULL, cases[i].data == NULL);
        if (data)
            assert_string_equal(data, cases[i].data);
    }
}

static void test_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *line, *problem;
    } cases[] = {
        {"usr", "there is no command 'usr'; did you mean 'user'?"},
        {"srve", "there is no command 'srve'; did you mean 'serve'?"},
        {"exprot x", "there is no command 'exprot'; did you mean 'export'?"},
        {"frobnicate", "there is no command 'frobnicate'"},
        {"user", "say what to do: add, passwd, disable, list"},
        {"user lst", "there is no command 'user lst'; did you mean 'user list'?"},
        {"user bob add", "there is no command 'user bob'"},
        {"serve --lisen x", "unknown option --lisen; did you mean --listen?"},
        {"serve --role x", "unknown option --role"},
        {"user list --role x", "unknown option --role"},
        {"serve -d x", "unknown option --d; did you mean --data?"},
        {"serve --data", "--data needs a value: --data DIR"},
        {"serve --data --listen x", "--data needs a value: --data DIR"},
        {"serve --data a --data b", "--data is given twice"},
        {"import f --dry-run=1", "--dry-run takes no value"},
        {"serve x", "'x' is one argument too many"},
        {"tenant add t1", "too few arguments: kimono tenant add ID NAME"},
        {"backup", "too few arguments: kimono backup FILE"},
        {"tenant add a b c", "'c' is one argument too many"},
        {"tenant add a b c d e f g h i j k", "too many arguments: 'i'"},
        {"--data d", "no command is named; --data alone does nothing"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct parse parse;
        char memory[256];
        assert_int_equal(parse_line(cases[i].line, &parse, memory), PARSE_WRONG);
        assert_string_equal(parse.problem, cases[i].problem);
    }
}

static void test_help_and_version(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum parse_result result;
    } cases[] = {
        {"", PARSE_NOTHING},          {"--help", PARSE_HELP},
        {"-h", PARSE_HELP},           {"serve --help", PARSE_HELP},
        {"--help user", PARSE_HELP},  {"user add --help", PARSE_HELP},
        {"--version", PARSE_VERSION}, {"tenant add --help x", PARSE_HELP},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct parse parse;
        char memory[256];
        assert_int_equal(parse_line(cases[i].line, &parse, memory), cases[i].result);
    }
}

static void test_whole_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool good;
        int64_t value;
    } cases[] = {
        {"demo", true, 7},
        {"demo --tenants 1", true, 1},
        {"demo --tenants 100", true, 100},
        {"demo --tenants 0", false, 0},
        {"demo --tenants 101", false, 0},
        {"demo --tenants=-1", false, 0},
        {"demo --tenants=", false, 0},
        {"demo --tenants 1x", false, 0},
        {"demo --tenants 1.5", false, 0},
        {"demo --tenants 99999999999999999999", false, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct parse parse;
        char memory[256];
        int64_t value = 0;
        assert_int_equal(parse_line(cases[i].line, &parse, memory), PARSE_RUN);
        assert_int_equal(cli_option_int(&parse.invocation, "tenants", 1, 100, 7, &value), cases[i].good);
        assert_int_equal(value, cases[i].value);
    }
}

static void test_distance(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {
        {"", "", 0},      {"", "abc", 3},   {"abc", "", 3},    {"abc", "abc", 0},   {"abc", "abd", 1},
        {"abc", "ac", 1}, {"ac", "abc", 1}, {"abc", "bac", 1}, {"user", "suer", 1}, {"kitten", "sitting", 3},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(parse_distance(cases[i].a, cases[i].b), cases[i].distance);
}

/* What the parser takes for granted of the tables. */
static void check_options(const struct command *command)
{
    size_t count = 0;
    for (const struct option_spec *option = command->options; option && option->name; option++) {
        count++;
        assert_non_null(option->text);
        for (size_t i = 0; i < command_count; i++) {
            const struct option_spec *other = commands[i]->options;
            for (; other && other->name; other++)
                if (strcmp(other->name, option->name) == 0)
                    assert_int_equal(other->value == NULL, option->value == NULL);
        }
    }
    assert_in_range(count, 0, CLI_OPTIONS_MAX);
    assert_in_range(command->most_arguments, command->least_arguments, CLI_ARGUMENTS_MAX);
    assert_true(command->run || command->verbs);
    assert_non_null(command->arguments);
    assert_non_null(command->text);
}

static void test_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count; i++) {
        check_options(commands[i]);
        for (const struct command *verb = commands[i]->verbs; verb && verb->name; verb++)
            check_options(verb);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_runs),        cmocka_unit_test(test_what_is_wrong),
        cmocka_unit_test(test_help_and_version), cmocka_unit_test(test_whole_numbers),
        cmocka_unit_test(test_distance),         cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
