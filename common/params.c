/* SPDX-License-Identifier: MIT */
#include "common/params.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/text.h"

static const char *const store_overlays[] = {
    [STORE_OVERLAY_TMPFS] = "tmpfs",
    [STORE_OVERLAY_ROOT] = "root",
    [STORE_OVERLAY_NONE] = "none",
    NULL,
};

static const char *const on_fail_actions[] = {
    [ON_FAIL_PROMPT] = "prompt",
    [ON_FAIL_POWEROFF] = "poweroff",
    [ON_FAIL_REBOOT] = "reboot",
    [ON_FAIL_PANIC] = "panic",
    NULL,
};

static const char *const tmpfs_only[] = {"tmpfs", NULL};

#define MEMBER(name) offsetof(struct guest_params, name)

const struct param guest_param_table[] = {
    {"init", PARAM_TEXT, MEMBER(init), .argument = "PATH",
     .help = "stage 2, resolved inside the root; without it /init, then /sbin/init"},
    {"root", PARAM_TEXT, MEMBER(root), .argument = "DEVICE",
     .help = "the root: /dev/..., LABEL=, UUID=, PARTLABEL=, PARTUUID=, tmpfs, or a share's tag"},
    {"rootfstype", PARAM_TEXT, MEMBER(rootfstype), .argument = "TYPE",
     .help = "the root's filesystem; found by probing where it is not given"},
    {"rootflags", PARAM_TEXT, MEMBER(rootflags), .argument = "OPTIONS",
     .help = "mount options of the root"},
    {"ro", PARAM_FLAG, MEMBER(read_only), .help = "mount the root read-only"},
    {"rw", PARAM_UNSET, MEMBER(read_only), .help = "mount the root writable (the default)"},
    {"console", PARAM_TEXTS, MEMBER(consoles), .argument = "DEVICE",
     .help = "a console that messages go to; the last is /dev/console"},
    {"regInfo", PARAM_TEXT, MEMBER(reg_info), .argument = "PATH",
     .help = "the registration of the closure, put into the Nix database"},
    {"boot.trace", PARAM_FLAG, MEMBER(trace), .help = "log every step with its duration"},
    {"debugtrace", PARAM_FLAG, MEMBER(trace), .alias = true},
    {"boot.shell_on_fail", PARAM_FLAG, MEMBER(shell_on_fail),
     .help = "the prompt after a fatal error offers a shell, if the initrd has one"},
    {"boot.debug1", PARAM_FLAG, MEMBER(debug1), .help = "stop at the prompt before anything else"},
    {"debug1", PARAM_FLAG, MEMBER(debug1), .alias = true},
    {"boot.debug1devices", PARAM_FLAG, MEMBER(debug1devices),
     .help = "stop at the prompt when modules are loaded and devices are there"},
    {"boot.debug1mounts", PARAM_FLAG, MEMBER(debug1mounts),
     .help = "stop at the prompt when everything is mounted"},
    {"vm.mount", PARAM_MOUNTS, MEMBER(mounts), .argument = "WHAT:WHERE[:FSTYPE[:OPTIONS]]",
     .help = "one more mount before stage 2"},
    {"vm.share", PARAM_SHARES, MEMBER(shares), .argument = "TAG:WHERE[:OPTIONS]",
     .help = "a shared directory, 9p over virtio unless OPTIONS begin with virtiofs"},
    {"vm.submount", PARAM_TEXTS, MEMBER(submounts), .argument = "PATH",
     .help = "a filesystem inside a share on virtiofs, which appears when it is entered"},
    {"vm.msize", PARAM_NUMBER, MEMBER(msize), .argument = "BYTES",
     .help = "msize of the 9p mounts (131072 for store and root, otherwise 16384)"},
    {"vm.store", PARAM_STORE, MEMBER(store), .argument = "9p:TAG|virtiofs:TAG|erofs:DEVICE",
     .help = "where /nix/store comes from"},
    {"vm.store.overlay", PARAM_CHOICE, MEMBER(store_overlay), .choices = store_overlays,
     .help = "where the store's writable layer lives (tmpfs)"},
    {"vm.root.overlay", PARAM_WORD, MEMBER(root_overlay), .choices = tmpfs_only,
     .help = "the root becomes the lower layer of an overlay on a tmpfs: nothing written lasts"},
    {"vm.modules", PARAM_NAMES, MEMBER(modules), .argument = "NAME[,NAME...]",
     .help = "modules to load besides those that devices and mounts call for"},
    {"vm.blank", PARAM_NAMES, MEMBER(blank), .argument = "WORD[,WORD...]",
     .help = "a disk with run-vm's stamp and this word in it holds nothing else: it is not read"},
    {"vm.device-timeout", PARAM_NUMBER, MEMBER(device_timeout), .argument = "SECONDS",
     .help = "how long to wait for a block device (20)"},
    {"vm.onfail", PARAM_CHOICE, MEMBER(on_fail), .choices = on_fail_actions,
     .help = "what a fatal error leads to (prompt)"},
    {"vm.exec", PARAM_FLAG, MEMBER(exec),
     .help = "run the command that run-vm --exec sends instead of stage 2, then power off"},
    {"boot.panic_on_fail", PARAM_PANIC, MEMBER(on_fail), .help = "the same as vm.onfail=panic"},
    {"stage1panic", PARAM_PANIC, MEMBER(on_fail), .alias = true},
};
const size_t guest_param_count = ELEMENTS(guest_param_table);

void guest_params_init(struct guest_params *params)
{
    *params = (struct guest_params){
        .device_timeout = GUEST_DEFAULT_DEVICE_TIMEOUT,
    };
}

/* Operations of a type: read a value (NULL if the word has no '='), write it, free it. */
struct param_ops {
    int (*read)(const struct param *param, void *member, const char *value, struct error *e);
    /* appends the words for `member`, unless it equals `initial` */
    void (*write)(const struct param *param, const void *member, const void *initial,
                  struct cmdline *line);
    void (*free)(void *member);
};

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
    /* strtoull() accepts signs and spaces, too */
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (*value < '0' || *value > '9' || *end || errno || number == 0)
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

/* A type without `write` changes a member that another row writes. */
static const struct param_ops param_ops[] = {
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
};

static const struct param *find_param(const char *name)
{
    for (size_t i = 0; i < guest_param_count; i++)
        if (streq(guest_param_table[i].name, name))
            return &guest_param_table[i];
    return NULL;
}

int guest_params_parse(struct guest_params *params, const struct cmdline *line, struct error *e)
{
    for (size_t i = 0; i < line->count; i++) {
        const struct cmdline_word *word = &line->words[i];
        const struct param *param = find_param(word->name);
        if (!param && startswith(word->name, PARAM_PREFIX))
            return error_set(e, -EINVAL, "%s: there is no such parameter", word->name);
        if (!param)
            continue;
        int r = param_ops[param->type].read(param, (char *)params + param->offset, word->value, e);
        if (r < 0)
            return r;
    }
    return 0;
}

void guest_params_encode(const struct guest_params *params, struct cmdline *line)
{
    struct guest_params initial CLEANUP_GUEST_PARAMS;
    guest_params_init(&initial);
    for (size_t i = 0; i < guest_param_count; i++) {
        const struct param *param = &guest_param_table[i];
        if (!param->alias && param_ops[param->type].write)
            param_ops[param->type].write(param, (const char *)params + param->offset,
                                         (const char *)&initial + param->offset, line);
    }
}

void guest_params_free(struct guest_params *params)
{
    for (size_t i = 0; i < guest_param_count; i++) {
        const struct param *param = &guest_param_table[i];
        if (!param->alias && param_ops[param->type].free)
            param_ops[param->type].free((char *)params + param->offset);
    }
    guest_params_init(params);
}
