/* SPDX-License-Identifier: MIT */
#include "host/plan/expand.h"

#include <errno.h>
#include <wordexp.h>

#include "base/alloc.h"
#include "base/text.h"
#include "tests/unit/unit.h"

static const struct {
    const char *name;
    const char *value;
} environment[] = {
    {"HOME", "/home/me"}, {"X", "1  2"}, {"EMPTY", ""}, {"PATHS", "/a b/c"}, {"Q", "a\"b'c"},
};

static const char *lookup(const void *context, const char *name)
{
    (void)context;
    for (size_t i = 0; i < ELEMENTS(environment); i++)
        if (streq(environment[i].name, name))
            return environment[i].value;
    return NULL;
}

static const struct expand_variables variables = {.lookup = lookup};

static void words_are_split_and_unquoted(void **state)
{
    static const struct {
        const char *text;
        const char *words; /* joined by | */
    } cases[] = {
        {"", ""},
        {"  ", ""},
        {"-vga std", "-vga|std"},
        {"-device 'a b'", "-device|a b"},
        {"-x \"$X\"", "-x|1  2"},
        {"-x $X", "-x|1|2"},
        {"$EMPTY", ""},
        {"\"$EMPTY\" a", "|a"},
        {"''", ""},
        {"a${X:+,$X}b", "a,1|2b"},
        {"none${NO:+,$NO}", "none"},
        {"${NO:-a b}", "a|b"},
        {"\"${NO:-a b}\"", "a b"},
        {"${NO:-\"a b\"}", "a b"},
        {"\"${NO:-\"a b\"}\"", "a b"},
        {"${EMPTY-x}${EMPTY:-y}", "y"},
        {"${NO-x}${X+set}", "xset"},
        {"${NO:-${EMPTY:-'}'}}", "}"},
        {"a\\ b \\$X \\\\", "a b|$X|\\"},
        {"\"\\a\\$\\\"\"", "\\a$\""},
        {"'$X' \"'\"", "$X|'"},
        {"*.c [a] ?", "*.c|[a]|?"},
        {"{a,b} }", "{a,b}|}"},
        {"~ ~/x a~ '~'", "/home/me|/home/me/x|a~|~"},
        {"a\nb\tc", "a|b|c"},
        {"a$ $", "a$|$"},
        {"$Q", "a\"b'c"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct strv words CLEANUP_STRV = {0};
        struct error e CLEANUP_ERROR = {0};
        char *joined CLEANUP_FREE = NULL;

        assert_int_equal(expand_words(&words, cases[i].text, &variables, &e), 0);
        joined = strv_join(&words, "|");
        assert_string_equal(joined, cases[i].words);
    }
}

static void empty_quotes_are_a_word(void **state)
{
    struct strv words CLEANUP_STRV = {0};

    (void)state;
    assert_int_equal(expand_words(&words, "\"\" '' \"$EMPTY\"", &variables, NULL), 0);
    assert_int_equal(words.count, 3);
}

/* The result equals that of the C library's wordexp(), if that supports the text. */
static void words_are_those_of_wordexp(void **state)
{
    static const char *const texts[] = {
        "-vga std",   "a 'b c'  \"d  e\"", "\\a\\ b\\\\", "\"\\a\\\"\\\\\"", "'\\'",
        "a\"b\"'c'd", "\"\" ''",           "a#b",         "=,:/@%+-._",      "\"a'b\" 'c\"d'",
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(texts); i++) {
        struct strv words CLEANUP_STRV = {0};
        wordexp_t expected;

        assert_int_equal(wordexp(texts[i], &expected, WRDE_NOCMD), 0);
        assert_int_equal(expand_words(&words, texts[i], &variables, NULL), 0);
        assert_int_equal(words.count, expected.we_wordc);
        for (size_t j = 0; j < words.count; j++)
            assert_string_equal(words.items[j], expected.we_wordv[j]);
        wordfree(&expected);
    }
}

static void a_path_is_one_word(void **state)
{
    static const struct {
        const char *text;
        const char *word;
    } cases[] = {
        {"", ""},
        {"/a b", "/a b"},
        {"$PATHS/d", "/a b/c/d"},
        {"\"$HOME\"/src", "/home/me/src"},
        {"/R&D (old); > <|", "/R&D (old); > <|"},
        {"/a\nb", "/a\nb"},
        {"~/x", "~/x"},
        {"/a}b", "/a}b"},
        {"'/it'\"'\"s", "/it's"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *word CLEANUP_FREE = expand_word(cases[i].text, &variables, NULL);

        assert_string_equal(word, cases[i].word);
    }
}

static void inside_double_quotes_quotes_are_ordinary(void **state)
{
    static const struct {
        const char *text;
        const char *word;
    } cases[] = {
        {"./it's \"x\".qcow2", "./it's \"x\".qcow2"},
        {"$X ${NO:-a  b}", "1  2 a  b"},
        {"\\$X \\a \\\\", "$X \\a \\"},
        {"a}b", "a}b"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *word CLEANUP_FREE = expand_quoted(cases[i].text, &variables, NULL);

        assert_string_equal(word, cases[i].word);
    }
}

static void what_a_shell_would_do_and_we_do_not_is_an_error(void **state)
{
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"$(id)", "$("},         {"\"$(id)\"", "$("}, {"`id`", "`"},  {"$((1+1))", "$("},
        {"a 'b", "'"},           {"\"a", "\""},       {"${X", "}"},   {"${X:-a", "}"},
        {"${X%a}", "X"},         {"${}", "name"},     {"$1", "$1"},   {"$?", "$?"},
        {"a; b", ";"},           {"a | b", "|"},      {"(a)", "("},   {"a > b", ">"},
        {"${NO:?gone}", "gone"}, {"${NO:?}", "NO"},   {"$'a'", "$'"},
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct strv words CLEANUP_STRV = {0};
        struct error e CLEANUP_ERROR = {0};

        assert_int_equal(expand_words(&words, cases[i].text, &variables, &e), -EINVAL);
        assert_error_names(e, cases[i].reason);
    }
}

static void a_command_is_refused_also_where_it_would_not_be_used(void **state)
{
    (void)state;
    assert_null(expand_word("${X:-$(id)}", &variables, NULL));
    assert_null(expand_quoted("${NO:+`id`}", &variables, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_split_and_unquoted),
        cmocka_unit_test(empty_quotes_are_a_word),
        cmocka_unit_test(words_are_those_of_wordexp),
        cmocka_unit_test(a_path_is_one_word),
        cmocka_unit_test(inside_double_quotes_quotes_are_ordinary),
        cmocka_unit_test(what_a_shell_would_do_and_we_do_not_is_an_error),
        cmocka_unit_test(a_command_is_refused_also_where_it_would_not_be_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
