/* SPDX-License-Identifier: MIT */
#include "host/commands/commands.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "host/commands/runner.h"
#include "host/commands/runoptions.h"
#include "host/plan/accel.h"
#include "host/system/process.h"
#include "host/system/shell.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* Reads the words of a line, split at single blanks, as run-vm does: 0, COMMANDLINE_HELP_WANTED, or
 * a negative errno. */
static int parse(struct run_options *options, const char *line, struct error *e)
{
    struct strv words CLEANUP_STRV = {0};

    strv_split(&words, line, ' ');
    if (runner_is_called(words.items[0]))
        return runoptions_read_runner(options, words.items, e);
    int r = commandline_parse(options, &runoptions_syntax, words.items + 1, e);
    return r ? r : runoptions_check(options, e);
}

static void free_options(struct run_options *options)
{
    commandline_free(options, &runoptions_syntax);
}

static void options_are_read_in_every_spelling(void **state)
{
    struct run_options options CLEANUP(free_options) = {0};

    (void)state;
    assert_int_equal(
        parse(&options,
              "run-vm --config a --config=b -C c -Cd -m 2G --cores=2 -o x=1 --option=y=2 "
              "--dry-run=json --accel tcg --keep-tmp --kernel=k --append a=b --append "
              "c -- -x --help --",
              NULL),
        0);
    assert_int_equal(options.config_files.count, 4);
    assert_string_equal(options.config_files.items[3], "d");
    assert_int_equal(options.settings.count, 8);
    assert_string_equal(options.settings.items[0], "-m");
    assert_string_equal(options.settings.items[1], "2G");
    assert_string_equal(options.settings.items[2], "--cores");
    assert_string_equal(options.settings.items[7], "y=2");
    assert_int_equal(options.dry_run, DRYRUN_JSON);
    assert_int_equal(options.plan.accel, ACCEL_TCG);
    assert_true(options.plan.keep_tmp);
    assert_string_equal(options.plan.kernel, "k");
    assert_int_equal(options.plan.append.count, 2);
    assert_int_equal(options.plan.qemu_arguments.count, 3);
    assert_string_equal(options.plan.qemu_arguments.items[1], "--help"); /* and no help is wanted */
}

static void a_dry_run_is_text_unless_said(void **state)
{
    struct run_options options CLEANUP(free_options) = {0};

    (void)state;
    assert_int_equal(parse(&options, "run-vm --dry-run -C a", NULL), 0);
    assert_int_equal(options.dry_run, DRYRUN_TEXT);
    assert_string_equal(options.config_files.items[0], "a");
}

static void wrong_usage_is_named(void **state)
{
    static const struct {
        const char *line;
        const char *word;
    } cases[] = {
        {"run-vm", "--config"},
        {"run-vm --confg a", "--confg"},
        {"run-vm --config", "--config"},
        {"run-vm -x", "-x"},
        {"run-vm -", "-"},
        {"run-vm --keep-tmp=yes -C a", "--keep-tmp"},
        {"run-vm -C a --accel hvf", "auto, kvm, tcg"},
        {"run-vm -C a --on-term stop", "auto, poweroff, quit"},
        {"run-vm -C a --dry-run=yaml", "json"},
        {"run-vm a.json", "a.json"},
        {"run-vm -- -C a", "--config"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct run_options options CLEANUP(free_options) = {0};
        struct error e CLEANUP_ERROR = {0};

        assert_int_equal(parse(&options, cases[i].line, &e), -EINVAL);
        assert_error_names(e, cases[i].word);
    }
}

struct word_options {
    bool flag;
    struct strv words;
};

/* Reads a line and prints what became of it: the flag, and the words. */
static char *read_words(const char *line, size_t most)
{
    static const struct commandline_option options[] = {
        {"flag", 'f', COMMANDLINE_FLAG, offsetof(struct word_options, flag), NULL, .help = ""},
    };
    const struct commandline syntax = {.options = options,
                                       .count = ELEMENTS(options),
                                       .words = "NAME",
                                       .words_offset = offsetof(struct word_options, words),
                                       .words_most = most};
    struct strv arguments CLEANUP_STRV = {0};
    struct word_options values = {0};
    struct error e CLEANUP_ERROR = {0};

    strv_split(&arguments, line, ' ');
    int r = commandline_parse(&values, &syntax, arguments.items, &e);
    char *words CLEANUP_FREE = strv_join(&values.words, "|");
    char *result = r < 0 ? xstrdup(e.message) : xasprintf("%d %s", values.flag, words);
    commandline_free(&values, &syntax);
    return result;
}

static void words_are_read(void **state)
{
    static const struct {
        const char *line;
        size_t most;
        const char *expected;
    } cases[] = {
        {"-f", 1, "1 "},
        {"a -f", 1, "1 a"},
        {"--flag -- -a", 1, "1 -a"},
        {"a b", 1, "b: expected nothing more; see --help"},
        {"a -- b", 1, "b: expected nothing more; see --help"},
        {"-f a -f -- --help", COMMANDLINE_ALL_WORDS, "1 a|-f|--|--help"},
        {"-- -f", COMMANDLINE_ALL_WORDS, "0 -f"},
        {"-x a", COMMANDLINE_ALL_WORDS, "-x: no such option; see --help"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *result CLEANUP_FREE = read_words(cases[i].line, cases[i].most);

        assert_string_equal(result, cases[i].expected);
    }
}

static void called_as_a_runner_everything_is_qemus(void **state)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *program CLEANUP_FREE = scratch_path(scratch, "run-my-box-vm");
    char *line CLEANUP_FREE = xasprintf("%s --help -- -o", program);
    char *config CLEANUP_FREE = xasprintf("%s.json", program);
    struct run_options options CLEANUP(free_options) = {0};

    (void)state;
    scratch_write(scratch, "run-my-box-vm.json", "{}");
    assert_int_equal(parse(&options, line, NULL), 0);
    assert_string_equal(options.config_files.items[0], config);
    assert_int_equal(options.plan.qemu_arguments.count, 3);
    assert_true(options.plan.runner);
}

/* ./run-a-vm, a link to result/bin/run-b-vm, a link to ../store/run-c-vm, a link to a program. */
static void a_runners_configuration_is_beside_any_link(void **state)
{
    static const char *const places[] = {"run-a-vm.json", "result/bin/run-b-vm.json",
                                         "store/run-c-vm.json"};
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *result CLEANUP_FREE = scratch_path(scratch, "result");
    char *tree CLEANUP_FREE = scratch_path(scratch, "tree/bin");
    char *store CLEANUP_FREE = scratch_path(scratch, "store");
    char *first CLEANUP_FREE = scratch_path(scratch, "run-a-vm");
    char *second CLEANUP_FREE = scratch_path(tree, "run-b-vm");
    char *third CLEANUP_FREE = scratch_path(store, "run-c-vm");
    struct run_options none CLEANUP(free_options) = {0};
    struct error e CLEANUP_ERROR = {0};

    (void)state;
    scratch_run("mkdir", "-p", tree, store);
    scratch_run("ln", "-s", "tree", result);
    scratch_run("ln", "-s", "result/bin/run-b-vm", first);
    scratch_run("ln", "-s", "../../store/run-c-vm", second);
    scratch_run("ln", "-s", "/bin/true", third);
    assert_int_equal(parse(&none, first, &e), -ENOENT);
    assert_error_names(e, "run-a-vm.json", "result/bin/run-b-vm.json");
    assert_error_names(e, "store/run-c-vm.json", "--config");
    assert_int_equal(e.status, STATUS_IO);
    for (size_t i = ELEMENTS(places); i-- > 0;) { /* the nearest one counts */
        struct run_options options CLEANUP(free_options) = {0};
        char *content CLEANUP_FREE = xasprintf("%zu", i);
        scratch_write(scratch, places[i], content);
        assert_int_equal(parse(&options, first, NULL), 0);
        char *found CLEANUP_FREE = scratch_read("/", options.config_files.items[0] + 1);
        assert_string_equal(found, content);
    }
}

/* Makes every run of white space one blank: help is broken into lines. */
static char *join_lines(const char *text)
{
    struct strv words CLEANUP_STRV = {0};

    while (*(text += strspn(text, " \n"))) {
        size_t length = strcspn(text, " \n");

        strv_pushf(&words, "%.*s", (int)length, text);
        text += length;
    }
    return strv_join(&words, " ");
}

static void help_names_every_command_and_option(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    assert_int_equal(commands_print_help("", out), 0);
    for (size_t i = 0; i < commands_count; i++)
        assert_int_equal(commands_print_help(commands[i].name, out), 0);
    assert_int_equal(fclose(out), 0);
    char *joined CLEANUP_FREE = join_lines(text);
    for (size_t i = 0; i < commands_count; i++) {
        assert_non_null(strstr(joined, commands[i].name));
        assert_non_null(strstr(joined, commands[i].help));
        for (size_t j = 0; j < commands[i].syntax->count; j++) {
            assert_non_null(strstr(joined, commands[i].syntax->options[j].name));
            assert_non_null(strstr(joined, commands[i].syntax->options[j].help));
        }
    }
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 80);
    free(text);
}

static void a_command_is_found_by_its_name(void **state)
{
    (void)state;
    assert_string_equal(commands_find("cache prune")->name, "cache prune");
    assert_string_equal(commands[0].name, "run");
    assert_null(commands_find("cache"));
}

static void virtualization_is_a_flag_of_the_processor(void **state)
{
    static const struct {
        const char *cpuinfo;
        bool has;
    } cases[] = {
        {"flags\t\t: fpu vmx sse\n", true},       {"model name : svm\nflags : fpu svm\n", true},
        {"flags : fpu\n\nflags : svm", true},     {"flags : fpu vmx_x xsvm\n", false},
        {"bugs : vmx\nvmx flags : ept\n", false}, {"", false},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++)
        assert_int_equal(accel_has_virtualization(cases[i].cpuinfo), cases[i].has);
}

static void a_foreign_processor_is_emulated(void **state)
{
    struct accel accel CLEANUP_ACCEL = {0};
    struct accel forced CLEANUP_ACCEL = {0};

    (void)state;
    accel_choose(&accel, ACCEL_AUTO, platform_find("powerpc-linux"));
    assert_string_equal(accel.name, "tcg");
    assert_non_null(strstr(accel.reason, "powerpc"));
    accel_choose(&forced, ACCEL_KVM, platform_find("powerpc-linux"));
    assert_string_equal(forced.name, "kvm");
    assert_null(forced.reason);
}

static void a_command_is_quoted_for_a_shell(void **state)
{
    static const struct {
        const char *text, *quoted;
    } cases[] = {
        {"-m", "-m"},
        {"a=b,c/d:e", "a=b,c/d:e"},
        {"", "''"},
        {"a b", "'a b'"},
        {"it's", "'it'\\''s'"},
        {"$x", "'$x'"},
        {"a\nb", "'a\nb'"},
        {"ä", "'ä'"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *quoted CLEANUP_FREE = shell_quote(cases[i].text);

        assert_string_equal(quoted, cases[i].quoted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_read_in_every_spelling),
        cmocka_unit_test(a_dry_run_is_text_unless_said),
        cmocka_unit_test(wrong_usage_is_named),
        cmocka_unit_test(words_are_read),
        cmocka_unit_test(called_as_a_runner_everything_is_qemus),
        cmocka_unit_test(a_runners_configuration_is_beside_any_link),
        cmocka_unit_test(help_names_every_command_and_option),
        cmocka_unit_test(a_command_is_found_by_its_name),
        cmocka_unit_test(virtualization_is_a_flag_of_the_processor),
        cmocka_unit_test(a_foreign_processor_is_emulated),
        cmocka_unit_test(a_command_is_quoted_for_a_shell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
