#include "cli/parse.h"

#include <stdarg.h>
#include <string.h>

#define NAME_MAX_BYTES 32 /* longer ones resemble nothing of ours */
#define WORDS_MAX (CLI_ARGUMENTS_MAX + 2)

/* ---- which name was meant ---- */

static size_t smaller_distance(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment; only the last two rows of the table are kept. */
size_t parse_distance(const char *a, const char *b)
{
    size_t rows[3][NAME_MAX_BYTES + 1];
    size_t a_length = strnlen(a, NAME_MAX_BYTES), b_length = strnlen(b, NAME_MAX_BYTES);
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = smaller_distance(smaller_distance(above[j], row[j - 1]) + 1,
                                      above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = smaller_distance(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

struct guess {
    const char *word, *name;
    size_t distance;
};

/* Not every name resembles: a third of the letters may be wrong, two at most; or it is a beginning. */
static void consider_guess(struct guess *best, const char *name)
{
    size_t distance = parse_distance(best->word, name), length = strlen(name);
    if (*best->word && strncmp(name, best->word, strlen(best->word)) == 0)
        distance = 1;
    if (distance <= smaller_distance(2, (length + 1) / 3) && (!best->name || distance < best->distance)) {
        best->name = name;
        best->distance = distance;
    }
}

const char *parse_nearest(const struct command *const *table, size_t count, const char *word)
{
    struct guess best = {.word = word};
    for (size_t i = 0; i < count; i++)
        consider_guess(&best, table[i]->name);
    return best.name;
}

/* ---- sorting ---- */

struct option_word {
    char name[NAME_MAX_BYTES];
    const char *value; /* NULL: none was given */
    bool attached;     /* --name=VALUE */
};

struct words {
    const char *plain[WORDS_MAX];
    size_t plain_count;
    struct option_word options[CLI_OPTIONS_MAX * 2];
    size_t option_count;
    bool help, version;
};

static enum parse_result parse_fail(struct parse *parse, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static enum parse_result parse_fail(struct parse *parse, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(parse->problem, sizeof(parse->problem), format, args);
    va_end(args);
    return PARSE_WRONG;
}

static const struct option_spec *parse_find_option(const struct option_spec *options, const char *name)
{
    for (; options && options->name; options++)
        if (strcmp(options->name, name) == 0)
            return options;
    return NULL;
}

/* Before the command is known: whether an option takes a value is the same in every command. */
static bool option_takes_value(const struct command *const *table, size_t count, const char *name)
{
    const struct option_spec *found = NULL;
    for (size_t i = 0; i < count && !found; i++) {
        found = parse_find_option(table[i]->options, name);
        for (const struct command *verb = table[i]->verbs; !found && verb && verb->name; verb++)
            found = parse_find_option(verb->options, name);
    }
    return found && found->value;
}

/* One option; returns how many words it took: 1, or 2 with its value. */
static int parse_sort_option(struct words *words, const struct command *const *table, size_t count,
                             const char *word, const char *next)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        words->help = true;
    else if (strcmp(word, "--version") == 0)
        words->version = true;
    if (words->help || words->version || words->option_count == ARRAY_SIZE(words->options))
        return 1;
    struct option_word *option = &words->options[words->option_count++];
    const char *name = word + strspn(word, "-"), *equals = strchr(name, '=');
    int length = equals ? (int)(equals - name) : (int)strlen(name);
    *option = (struct option_word){.value = equals ? equals + 1 : NULL, .attached = equals != NULL};
    snprintf(option->name, sizeof(option->name), "%.*s", length, name);
    if (equals || !next || strncmp(next, "--", 2) == 0 || !option_takes_value(table, count, option->name))
        return 1;
    option->value = next;
    return 2;
}

static enum parse_result parse_sort_words(const struct command *const *table, size_t count, int argc,
                                          char *const *argv, struct words *words, struct parse *parse)
{
    bool options_ended = false;
    for (int i = 1; i < argc;) {
        const char *word = argv[i];
        bool is_option = !options_ended && word[0] == '-' && word[1] != '\0';
        if (is_option && strcmp(word, "--") == 0) {
            options_ended = true;
            i++;
        } else if (is_option) {
            i += parse_sort_option(words, table, count, word, i + 1 < argc ? argv[i + 1] : NULL);
        } else if (words->plain_count == WORDS_MAX) {
            return parse_fail(parse, "too many arguments: '%.60s'", word);
        } else {
            words->plain[words->plain_count++] = word;
            i++;
        }
    }
    return PARSE_RUN;
}

/* ---- the command ---- */

static enum parse_result refuse_unknown_command(struct parse *parse, const char *word, const char *nearest)
{
    const struct command *group = parse->invocation.group;
    const char *before = group ? group->name : "", *space = group ? " " : "";
    if (nearest)
        return parse_fail(parse, "there is no command '%s%s%.40s'; did you mean '%s%s%s'?", before, space,
                          word, before, space, nearest);
    return parse_fail(parse, "there is no command '%s%s%.40s'", before, space, word);
}

static enum parse_result parse_find_command(const struct command *const *table, size_t count,
                                            const struct words *words, struct parse *parse)
{
    if (words->plain_count == 0)
        return PARSE_NOTHING;
    const char *word = words->plain[0];
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i]->name, word) == 0)
            parse->invocation.command = table[i];
    if (parse->invocation.command)
        return PARSE_RUN;
    return refuse_unknown_command(parse, word, parse_nearest(table, count, word));
}

static enum parse_result parse_take_verb(const struct words *words, struct parse *parse)
{
    struct invocation *invocation = &parse->invocation;
    const struct command *group = invocation->command;
    if (!group->verbs)
        return PARSE_RUN;
    if (words->plain_count < 2 && words->help)
        return PARSE_HELP;
    if (words->plain_count < 2) {
        char names[128] = ""; /* "add, passwd, disable, list" */
        size_t used = 0;
        for (const struct command *verb = group->verbs; verb->name && used < sizeof(names); verb++)
            used +=
                (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", verb->name);
        return parse_fail(parse, "say what to do: %s", names);
    }
    struct guess best = {.word = words->plain[1]};
    invocation->group = group;
    invocation->command = NULL;
    for (const struct command *verb = group->verbs; verb->name; verb++) {
        consider_guess(&best, verb->name);
        if (strcmp(verb->name, best.word) == 0)
            invocation->command = verb;
    }
    return invocation->command ? PARSE_RUN : refuse_unknown_command(parse, best.word, best.name);
}

/* ---- its options and arguments ---- */

static enum parse_result refuse_unknown_option(struct parse *parse, const char *name)
{
    struct guess best = {.word = name};
    const struct option_spec *options = parse->invocation.command->options;
    for (; options && options->name; options++)
        consider_guess(&best, options->name);
    if (best.name)
        return parse_fail(parse, "unknown option --%s; did you mean --%s?", name, best.name);
    return parse_fail(parse, "unknown option --%s", name);
}

static enum parse_result parse_take_option(struct parse *parse, const struct option_word *word)
{
    struct invocation *invocation = &parse->invocation;
    const struct option_spec *option = parse_find_option(invocation->command->options, word->name);
    if (!option)
        return refuse_unknown_option(parse, word->name);
    if (option->value && !word->value)
        return parse_fail(parse, "--%s needs a value: --%s %s", option->name, option->name, option->value);
    if (!option->value && word->attached)
        return parse_fail(parse, "--%s takes no value", option->name);
    size_t place = (size_t)(option - invocation->command->options);
    if (invocation->values[place])
        return parse_fail(parse, "--%s is given twice", option->name);
    invocation->values[place] = option->value ? word->value : "";
    return PARSE_RUN;
}

static enum parse_result parse_take_arguments(struct parse *parse, const struct words *words)
{
    struct invocation *invocation = &parse->invocation;
    const struct command *command = invocation->command;
    size_t first = invocation->group ? 2 : 1, given = words->plain_count - first;
    char name[64];
    if (given < command->least_arguments)
        return parse_fail(parse, "too few arguments: %s %.*s", cli_name(invocation, name, sizeof(name)),
                          (int)strcspn(command->arguments, "\n"), command->arguments);
    if (given > command->most_arguments)
        return parse_fail(parse, "'%.60s' is one argument too many",
                          words->plain[first + command->most_arguments]);
    for (size_t i = 0; i < given; i++)
        invocation->arguments[i] = words->plain[first + i];
    invocation->argument_count = given;
    return PARSE_RUN;
}

enum parse_result parse_words(const struct command *const *table, size_t count, int argc, char *const *argv,
                              struct parse *ret_parse)
{
    struct words words = {.plain_count = 0};
    *ret_parse = (struct parse){.problem = ""};
    enum parse_result result = parse_sort_words(table, count, argc, argv, &words, ret_parse);
    if (result == PARSE_RUN && words.version)
        return PARSE_VERSION;
    if (result == PARSE_RUN)
        result = parse_find_command(table, count, &words, ret_parse);
    if (result == PARSE_NOTHING && words.help)
        return PARSE_HELP;
    if (result == PARSE_NOTHING && words.option_count > 0)
        return parse_fail(ret_parse, "no command is named; --%s alone does nothing", words.options[0].name);
    if (result == PARSE_RUN)
        result = parse_take_verb(&words, ret_parse);
    if (result == PARSE_RUN && words.help)
        return PARSE_HELP;
    for (size_t i = 0; i < words.option_count && result == PARSE_RUN; i++)
        result = parse_take_option(ret_parse, &words.options[i]);
    return result == PARSE_RUN ? parse_take_arguments(ret_parse, &words) : result;
}

const char *cli_name(const struct invocation *invocation, char *buffer, size_t size)
{
    const struct command *group = invocation ? invocation->group : NULL;
    const struct command *command = invocation ? invocation->command : NULL;
    snprintf(buffer, size, "kimono%s%s%s%s", group ? " " : "", group ? group->name : "", command ? " " : "",
             command ? command->name : "");
    return buffer;
}
