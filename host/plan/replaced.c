/* SPDX-License-Identifier: MIT */
/* Finds items of the machine that the user's options replace. QEMU refuses some options that are
 * given twice, and of others takes a part of each. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/machine/qemuoption.h"
#include "host/plan/planner.h"

static const char *const machine_types[] = {"", "type", NULL};
static const char *const accelerators[] = {"accel", NULL};
static const char *const backends[] = {"memory-backend", NULL};
static const char *const sizes[] = {"", "size", NULL};
static const char *const machine_sizes[] = {"memory.size", "memory-backend", NULL};
static const char *const memory_devices[] = {"memdev", NULL};
static const char *const processors[] = {"",         "cpus",  "sockets", "dies",
                                         "clusters", "cores", "threads", NULL};
static const char *const machine_processors[] = {"smp.cpus",  "smp.sockets", "smp.dies",
                                                 "smp.cores", "smp.threads", NULL};

/* Our item is left out if the user gives the option with one of the keys ("": a first item without
 * a key). With the system's own initrd the arguments are those of nixpkgs' qemu-vm.nix word for
 * word, except where it leaves the choice to run-vm. */
static const struct replacement {
    enum model_kind ours;
    const char *given;
    const char *const *keys; /* ended by NULL; NULL: with any value */
    bool always;             /* with the system's own initrd, too */
} replacements[] = {
    {MODEL_ACCELERATOR, "accel", NULL, true},
    {MODEL_ACCELERATOR, "enable-kvm", NULL, true},
    {MODEL_ACCELERATOR, "enable-hax", NULL, true},
    {MODEL_ACCELERATOR, "machine", accelerators, true},
    {MODEL_ACCELERATOR, "M", accelerators, true},
    {MODEL_SANDBOX, "sandbox", NULL, true},
    {MODEL_TYPE, "machine", machine_types, false},
    {MODEL_TYPE, "M", machine_types, false},
    {MODEL_PROCESSOR, "cpu", NULL, false},
    {MODEL_MEMORY, "m", sizes, false},
    {MODEL_MEMORY, "machine", machine_sizes, false},
    {MODEL_MEMORY, "M", machine_sizes, false},
    {MODEL_SHARED_MEMORY, "machine", backends, true},
    {MODEL_SHARED_MEMORY, "M", backends, true},
    {MODEL_SHARED_MEMORY, "numa", memory_devices, true},
    {MODEL_CORES, "smp", processors, false},
    {MODEL_CORES, "machine", machine_processors, false},
    {MODEL_CORES, "M", machine_processors, false},
    {MODEL_ADAPTER, "vga", NULL, false},
};

/* The last option of the user's that replaces an item. */
struct word {
    struct qemu_option option;
    const char *value; /* the value of the key; NULL: no option replaces the item */
    size_t length;
};

/* Sets `word` if `option` replaces the item of the row, and returns whether it does. */
static bool read_word(struct word *word, const struct replacement *row,
                      const struct qemu_option *option)
{
    const char *value = option->value ? option->value : "";
    const char *found = row->keys ? NULL : value;
    size_t length = strcspn(value, ",");

    for (size_t i = 0; row->keys && row->keys[i] && !found; i++)
        found = qemu_option_item(value, row->keys[i], &length);
    if (found)
        *word = (struct word){*option, found, length};
    return found != NULL;
}

static struct word last_word(const struct planner *p, enum model_kind ours)
{
    struct word word = {0};
    struct qemu_option option;

    for (size_t at = 0; qemu_option_next(&p->given, &at, &option);)
        for (size_t i = 0; i < ELEMENTS(replacements); i++)
            if (replacements[i].ours == ours && streq(replacements[i].given, option.name) &&
                (replacements[i].always || p->dialect->gives_way))
                (void)read_word(&word, &replacements[i], &option);
    return word;
}

bool planner_replaced(const struct planner *p, enum model_kind ours)
{
    return last_word(p, ours).value != NULL;
}

void planner_choose(struct planner *p, enum model_kind kind, const char *text)
{
    if (!planner_replaced(p, kind))
        model_add(&p->plan->machine, (struct model_item){.kind = kind, .text = xstrdup(text)});
}

/* Returns the accelerator that the user's option names; the caller frees. NULL: it names none. */
static char *given_accelerator(const struct word *word)
{
    static const char prefix[] = "enable-"; /* -enable-kvm */
    const char *name = word->option.name;
    size_t length = 0;

    if (!word->value)
        return NULL;
    if (startswith(name, prefix))
        return xstrdup(startswith(name, prefix));
    const char *item = qemu_option_item(word->value, "accel", &length); /* -accel accel=kvm */
    return item ? xstrndup(item, length) : xstrndup(word->value, word->length);
}

enum accel_choice planner_accelerator(struct planner *p)
{
    static const char *const names[] = {[ACCEL_KVM] = "kvm", [ACCEL_TCG] = "tcg"};
    struct word word = last_word(p, MODEL_ACCELERATOR);
    char *given CLEANUP_FREE = given_accelerator(&word);
    enum accel_choice choice = (enum accel_choice)p->options->accel;

    if (given && choice != ACCEL_AUTO && !strstr(given, names[choice]))
        config_problem(p->config, "--accel",
                       "is \"%s\", but QEMU's options have \"-%s%s%s\", expected one of the two",
                       names[choice], word.option.name, word.option.value ? " " : "",
                       word.option.value ? word.option.value : "");
    if (!given)
        return choice;
    return strstr(given, names[ACCEL_TCG]) ? ACCEL_TCG : ACCEL_KVM;
}

/* Returns a size in bytes as QEMU reads it: "2G", "1.5g", "512" (MiB). 0: it is no size. */
static uint64_t read_size(const char *text, size_t length)
{
    static const char units[] = "bkmgtpe";
    char *size CLEANUP_FREE = xstrndup(text, length);
    char *end = NULL;
    double number = strtod(size, &end);
    const char *unit = *end && !end[1] ? strchr(units, *end | 0x20) : NULL;
    int shift = 10 * (unit ? (int)(unit - units) : 2);

    if (end == size || (*end && !unit) || !(number > 0) ||
        number >= 0x1p63 / (double)(1ULL << shift))
        return 0;
    return (uint64_t)(number * (double)(1ULL << shift));
}

/* QEMU rounds memory up to a multiple of this size (hw/core/machine.c). */
#define MEMORY_STEP 8192

uint64_t planner_memory(const struct planner *p)
{
    struct word word = last_word(p, MODEL_MEMORY);
    uint64_t bytes = word.value ? read_size(word.value, word.length) : 0;

    if (!bytes)
        bytes = (uint64_t)config_integer(p->config, "virtualisation.memorySize") << 20;
    return (bytes + MEMORY_STEP - 1) / MEMORY_STEP * MEMORY_STEP;
}

/* True if the list says `share=on`, in one of QEMU's spellings; `otherwise` if it says nothing. */
static bool is_shared(const char *object, bool otherwise)
{
    static const char *const yes[] = {"on", "yes", "true", "y"};
    size_t length;
    const char *share = qemu_option_item(object, "share", &length);

    for (size_t i = 0; share && i < ELEMENTS(yes); i++)
        if (length == strlen(yes[i]) && !strncmp(share, yes[i], length))
            return true;
    return !share && otherwise;
}

bool planner_memory_is_private(const struct planner *p)
{
    static const char *const kinds[] = {"memory-backend-ram", "memory-backend-file",
                                        "memory-backend-memfd"};
    struct word word = last_word(p, MODEL_SHARED_MEMORY);

    if (!word.value)
        return false;
    char *id CLEANUP_FREE = xasprintf("id=%.*s", (int)word.length, word.value);
    const char *object = qemu_option_find_with(&p->given, "object", id);

    for (size_t i = 0; object && i < ELEMENTS(kinds); i++)
        if (startswith(object, kinds[i]))
            return !is_shared(object, streq(kinds[i], "memory-backend-memfd"));
    return false;
}

bool planner_has_own_machine(const struct planner *p)
{
    struct word word = last_word(p, MODEL_TYPE);

    return !word.value || (word.length >= 3 && !strncmp(word.value + word.length - 3, "q35", 3)) ||
           startswith(word.value, "pc-q35");
}
