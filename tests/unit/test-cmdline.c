/* SPDX-License-Identifier: MIT */
#include "common/cmdline.h"

#include <string.h>

#include "base/alloc.h"
#include "tests/unit/unit.h"

/* Prints the parameters as <name> or <name>=<value>, one after the other. */
static char *show(const char *text)
{
    struct cmdline line CLEANUP_CMDLINE = {0};
    cmdline_parse(&line, text);
    struct strv words CLEANUP_STRV = {0};
    for (size_t i = 0; i < line.count; i++) {
        const struct cmdline_word *word = &line.words[i];
        if (word->value)
            strv_pushf(&words, "<%s>=<%s>", word->name, word->value);
        else
            strv_pushf(&words, "<%s>", word->name);
    }
    return strv_join(&words, " ");
}

/* Each row as the kernel's next_arg() reads it. */
static const struct {
    const char *text;
    const char *words;
} readings[] = {
    {"", ""},
    {"  \n", ""},
    {"quiet\n", "<quiet>"},
    {"  root=/dev/vda\t ro ", "<root>=</dev/vda> <ro>"},
    {"root=a root=b", "<root>=<a> <root>=<b>"},
    {"init=", "<init>=<>"},
    {"root=UUID=1-2", "<root>=<UUID=1-2>"},
    {"root=\"LABEL=my disk\" ro", "<root>=<LABEL=my disk> <ro>"},
    {"\"root=LABEL=my disk\" ro", "<root>=<LABEL=my disk> <ro>"},
    {"dyndbg=\"file a.c +p; file b.c +p\"", "<dyndbg>=<file a.c +p; file b.c +p>"},
    {"x=a\"b c\"d", "<x>=<a\"b c\"d>"},
    {"x=\"never closed ", "<x>=<never closed >"},
    {"x=\"\" y", "<x>=<> <y>"},
    {"\"\"", "<>"},
    {"=x", "<=x>"},
    {"==x", "<=>=<x>"},
    {"a\\\"b c\\\" d", "<a\\\"b c\\\"> <d>"},
    {"a -- b c", "<a>"},
    {"a --b=c", "<a> <--b>=<c>"},
    {"a=-- b", "<a>=<--> <b>"},
    {"a\xa0ro", "<a> <ro>"},
};

static void words_are_read_as_the_kernel_reads_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < ELEMENTS(readings); i++) {
        char *words CLEANUP_FREE = show(readings[i].text);
        assert_string_equal(words, readings[i].words);
    }
}

static void a_line_may_be_longer_than_any_kernel_takes(void **state)
{
    (void)state;
    struct strv words CLEANUP_STRV = {0};
    for (int i = 0; i < 4096 / 8; i++)
        strv_pushf(&words, "k%d=v%d", i, i);
    char *text CLEANUP_FREE = strv_join(&words, " ");
    assert_true(strlen(text) >= 4096);

    struct cmdline line CLEANUP_CMDLINE = {0};
    cmdline_parse(&line, text);
    assert_int_equal(line.count, words.count);
    assert_string_equal(line.words[511].name, "k511");
    assert_string_equal(line.words[511].value, "v511");

    char *one CLEANUP_FREE = xcalloc(4097, 1);
    (void)memset(one, 'x', 4096);
    struct cmdline single CLEANUP_CMDLINE = {0};
    cmdline_parse(&single, one);
    assert_int_equal(single.count, 1);
    assert_int_equal(strlen(single.words[0].name), 4096);
}

static void what_is_for_init_is_returned(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a b=c -- one two=\"three four\"", "one two=\"three four\""},
        {"a b", ""},
        {"a --", ""},
        {"a --b", ""},
        {"", ""},
    };
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct cmdline line CLEANUP_CMDLINE = {0};
        assert_string_equal(cmdline_parse(&line, cases[i][0]), cases[i][1]);
    }
}

static void what_is_quoted_is_read_back(void **state)
{
    (void)state;
    static const char *const values[] = {NULL,  "",      "/dev/vda", "LABEL=my disk", " ",
                                         "a=b", "tab\t", "--",       "\xc3\xa0"};
    for (size_t i = 0; i < ELEMENTS(values); i++) {
        char *word CLEANUP_FREE = cmdline_quote("root", values[i], NULL);
        assert_non_null(word);
        struct cmdline line CLEANUP_CMDLINE = {0};
        cmdline_parse(&line, word);
        assert_int_equal(line.count, 1);
        assert_string_equal(line.words[0].name, "root");
        if (values[i])
            assert_string_equal(line.words[0].value, values[i]);
        else
            assert_null(line.words[0].value);
    }
}

static void what_the_syntax_cannot_say_is_refused(void **state)
{
    (void)state;
    struct error e CLEANUP_ERROR = {0};
    assert_null(cmdline_quote("root", "LABEL=12\" disk", &e));
    assert_error_names(e, "root", "double quote", "LABEL=12\" disk");
    assert_null(cmdline_quote("root", "a\nb", &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_read_as_the_kernel_reads_them),
        cmocka_unit_test(a_line_may_be_longer_than_any_kernel_takes),
        cmocka_unit_test(what_is_for_init_is_returned),
        cmocka_unit_test(what_is_quoted_is_read_back),
        cmocka_unit_test(what_the_syntax_cannot_say_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
