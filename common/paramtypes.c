/* SPDX-License-Identifier: MIT */
#include "common/paramtypes.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/text.h"

static int need_value(const struct param *param, const char *value, struct error *e)
{
    return value ? 0 : error_set(e, -EINVAL, "%s needs a value: %s=...", param->name, param->name);
}

static int read_text(const struct param *param, void *member, const char *value, struct error *e)
{
    int r = need_value(param, value, e);
    if (r < 0)
        return r;
    char **text = member;
    free(*text);
    *text = *value ? xstrdup(value) : NULL; /* an empty value removes an earlier one */
    return 0;
}

static void write_text(const struct param *param, const void *member, const void *initial,
                       struct cmdline *line)
{
    (void)initial;
    const char *text = *(char *const *)member;
    if (text)
        cmdline_add(line, param->name, text);
}

static void free_text(void *member)
{
    free(*(char **)member);
}

static const char *const false_words[] = {"0", "no", "false", "off", NULL};
static const char *const true_words[] = {"1", "yes", "true", "on", NULL};

/* Returns the index of `word` in a list ended by NULL, or -1. */
static int find_word(const char *const *words, const char *word)
{
    for (int i = 0; words[i]; i++)
        if (streq(words[i], word))
            return i;
    return -1;
}

/* Returns 0, 1 or -EINVAL. */
static int read_truth(const struct param *param, const char *value, struct error *e)
{
    if (!value || find_word(true_words, value) >= 0)
        return 1;
    if (find_word(false_words, value) >= 0)
        return 0;
    return error_set(e, -EINVAL,
                     "%s=%s: expected no value, or one of 1, yes, true, on, 0, no, "
                     "false, off",
                     param->name, value);
}

static int read_flag(const struct param *param, void *member, const char *value, struct error *e)
{
    int truth = read_truth(param, value, e);
    if (truth >= 0)
        *(bool *)member = truth;
    return truth < 0 ? truth : 0;
}

static int read_unset(const struct param *param, void *member, const char *value, struct error *e)
{
    int truth = read_truth(param, value, e);
    if (truth >= 0)
        *(bool *)member = !truth;
    return truth < 0 ? truth : 0;
}

static void write_flag(const struct param *param, const void *member, const void *initial,
                       struct cmdline *line)
{
    if (*(const bool *)member != *(const bool *)initial)
        cmdline_add(line, param->name, NULL);
}

static int read_texts(const struct param *param, void *member, const char *value, struct error *e)
{
    int r = need_value(param, value, e);
    if (r == 0 && *value)
        strv_push(member, value);
    return r;
}

static void write_texts(const struct param *param, const void *member, const void *initial,
                        struct cmdline *line)
{
    (void)initial;
    const struct strv *texts = member;
    for (size_t i = 0; i < texts->count; i++)
        cmdline_add(line, param->name, texts->items[i]);
}

static void free_texts(void *member)
{
    strv_free(member);
}

static int read_names(const struct param *param, void *member, const char *value, struct error *e)
{
    int r = need_value(param, value, e);
    if (r < 0)
        return r;
    struct strv names CLEANUP_STRV = {0};
    strv_split(&names, value, ',');
    for (size_t i = 0; i < names.count; i++)
        if (*names.items[i] && !strv_contains(member, names.items[i]))
            strv_push(member, names.items[i]);
    return 0;
}

static void write_names(const struct param *param, const void *member, const void *initial,
                        struct cmdline *line)
{
    (void)initial;
    char *names CLEANUP_FREE = strv_join(member, ",");
    if (*names)
        cmdline_add(line, param->name, names);
}

static int read_number(const struct param *param, void *member, const char *value, struct error *e)
{
    int r = need_value(param, value, e);
    if (r < 0)
        return r;
    uint64_t number = 0;
    if (!text_number(value, UINT64_MAX, &number) || number == 0)
        return error_set(e, -EINVAL, "%s=%s: expected a positive number", param->name, value);
    *(uint64_t *)member = number;
    return 0;
}

static void write_number(const struct param *param, const void *member, const void *initial,
                         struct cmdline *line)
{
    uint64_t number = *(const uint64_t *)member;
    if (number == *(const uint64_t *)initial)
        return;
    char *text CLEANUP_FREE = xasprintf("%" PRIu64, number);
    cmdline_add(line, param->name, text);
}

static int bad_choice(const struct param *param, const char *value, struct error *e)
{
    struct strv choices CLEANUP_STRV = {0};
    for (size_t i = 0; param->choices[i]; i++)
        strv_push(&choices, param->choices[i]);
    char *list CLEANUP_FREE = strv_join(&choices, ", ");
    return error_set(e, -EINVAL, "%s=%s: expected one of: %s", param->name, value ? value : "",
                     list);
}

static int read_choice(const struct param *param, void *member, const char *value, struct error *e)
{
    int choice = find_word(param->choices, value ? value : "");
    if (choice < 0)
        return bad_choice(param, value, e);
    *(unsigned int *)member = (unsigned int)choice;
    return 0;
}

static void write_choice(const struct param *param, const void *member, const void *initial,
                         struct cmdline *line)
{
    unsigned int choice = *(const unsigned int *)member;
    if (choice != *(const unsigned int *)initial)
        cmdline_add(line, param->name, param->choices[choice]);
}

static int read_word(const struct param *param, void *member, const char *value, struct error *e)
{
    if (find_word(param->choices, value ? value : "") < 0)
        return bad_choice(param, value, e);
    *(bool *)member = true;
    return 0;
}

static void write_word(const struct param *param, const void *member, const void *initial,
                       struct cmdline *line)
{
    (void)initial;
    if (*(const bool *)member)
        cmdline_add(line, param->name, param->choices[0]);
}

static int read_panic(const struct param *param, void *member, const char *value, struct error *e)
{
    int truth = read_truth(param, value, e);
    if (truth > 0)
        *(unsigned int *)member = ON_FAIL_PANIC;
    return truth < 0 ? truth : 0;
}

static int read_store(const struct param *param, void *member, const char *value, struct error *e)
{
    struct store_spec spec;
    int r = store_spec_parse(&spec, value ? value : "", e);
    if (r < 0)
        return error_context(e, r, "%s", param->name);
    store_spec_free(member);
    *(struct store_spec *)member = spec;
    return 0;
}

static void write_store(const struct param *param, const void *member, const void *initial,
                        struct cmdline *line)
{
    (void)initial;
    const struct store_spec *store = member;
    if (store->kind == STORE_NONE)
        return;
    char *text CLEANUP_FREE = store_spec_format(store);
    cmdline_add(line, param->name, text);
}

static void free_store(void *member)
{
    store_spec_free(member);
}

static int read_mount(const struct param *param, void *member, const char *value, struct error *e)
{
    struct mount_spec spec;
    int r = mount_spec_parse(&spec, value ? value : "", e);
    if (r < 0)
        return error_context(e, r, "%s", param->name);
    struct mount_list *list = member;
    ARRAY_PUSH(list->items, list->count, spec);
    return 0;
}

static void write_mounts(const struct param *param, const void *member, const void *initial,
                         struct cmdline *line)
{
    (void)initial;
    const struct mount_list *list = member;
    for (size_t i = 0; i < list->count; i++) {
        char *text CLEANUP_FREE = mount_spec_format(&list->items[i]);
        cmdline_add(line, param->name, text);
    }
}

static void free_mounts(void *member)
{
    struct mount_list *list = member;
    for (size_t i = 0; i < list->count; i++)
        mount_spec_free(&list->items[i]);
    free(list->items);
}

static int read_share(const struct param *param, void *member, const char *value, struct error *e)
{
    struct share_spec spec;
    int r = share_spec_parse(&spec, value ? value : "", e);
    if (r < 0)
        return error_context(e, r, "%s", param->name);
    struct share_list *list = member;
    ARRAY_PUSH(list->items, list->count, spec);
    return 0;
}

static void write_shares(const struct param *param, const void *member, const void *initial,
                         struct cmdline *line)
{
    (void)initial;
    const struct share_list *list = member;
    for (size_t i = 0; i < list->count; i++) {
        char *text CLEANUP_FREE = share_spec_format(&list->items[i]);
        cmdline_add(line, param->name, text);
    }
}

static void free_shares(void *member)
{
    struct share_list *list = member;
    for (size_t i = 0; i < list->count; i++)
        share_spec_free(&list->items[i]);
    free(list->items);
}

static int read_ifname(const struct param *param, void *member, const char *value, struct error *e)
{
    struct ifname ifname;
    int r = ifname_parse(&ifname, value ? value : "", e);
    if (r < 0)
        return error_context(e, r, "%s", param->name);
    struct ifname_list *list = member;
    ARRAY_PUSH(list->items, list->count, ifname);
    return 0;
}

static void write_ifnames(const struct param *param, const void *member, const void *initial,
                          struct cmdline *line)
{
    (void)initial;
    const struct ifname_list *list = member;
    for (size_t i = 0; i < list->count; i++) {
        char *text CLEANUP_FREE = ifname_format(&list->items[i]);
        cmdline_add(line, param->name, text);
    }
}

static void free_ifnames(void *member)
{
    struct ifname_list *list = member;
    for (size_t i = 0; i < list->count; i++)
        ifname_free(&list->items[i]);
    free(list->items);
}

static int read_network(const struct param *param, void *member, const char *value, struct error *e)
{
    int r = netspec_parse(member, value ? value : "", e);
    return r < 0 ? error_context(e, r, "%s", param->name) : 0;
}

static void write_network(const struct param *param, const void *member, const void *initial,
                          struct cmdline *line)
{
    (void)initial;
    const struct netspec *spec = member;
    if (!spec->prefix)
        return;
    char *text CLEANUP_FREE = netspec_format(spec);
    cmdline_add(line, param->name, text);
}

const struct param_type_operations param_types[] = {
    [PARAM_TEXT] = {read_text, write_text, free_text},
    [PARAM_FLAG] = {read_flag, write_flag, NULL},
    [PARAM_UNSET] = {read_unset, NULL, NULL},
    [PARAM_WORD] = {read_word, write_word, NULL},
    [PARAM_TEXTS] = {read_texts, write_texts, free_texts},
    [PARAM_NAMES] = {read_names, write_names, free_texts},
    [PARAM_NUMBER] = {read_number, write_number, NULL},
    [PARAM_CHOICE] = {read_choice, write_choice, NULL},
    [PARAM_PANIC] = {read_panic, NULL, NULL},
    [PARAM_STORE] = {read_store, write_store, free_store},
    [PARAM_MOUNTS] = {read_mount, write_mounts, free_mounts},
    [PARAM_SHARES] = {read_share, write_shares, free_shares},
    [PARAM_IFNAMES] = {read_ifname, write_ifnames, free_ifnames},
    [PARAM_NETWORK] = {read_network, write_network, NULL},
};
