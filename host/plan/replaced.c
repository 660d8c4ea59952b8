/* SPDX-License-Identifier: MIT */
/* Options of ours that the user's replace. QEMU refuses some that are given twice, and takes parts
 * of both of others. */
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

/* Our option is left out where the user's has one of the keys ("": a first item without one), or
 * whatever it has. With the system's own initrd the arguments are the specification's, word for
 * word, except where it leaves the choice to us. */
static const struct replacement {
    enum model_kind ours;
    const char *given;
    const char *const *keys; /* ended by NULL; NULL: whatever it has */
    bool always;
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
    {MODEL_SHARED_MEMORY, "machine", backends, false},
    {MODEL_SHARED_MEMORY, "M", backends, false},
    {MODEL_SHARED_MEMORY, "numa", memory_devices, false},
    {MODEL_CORES, "smp", processors, false},
    {MODEL_CORES, "machine", machine_processors, false},
    {MODEL_CORES, "M", machine_processors, false},
    {MODEL_ADAPTER, "vga", NULL, false},
};

/* The option of the user's that has the last word instead of ours. */
struct word {
    struct qemu_option option;
    const char *value; /* what it has under the key; NULL: nothing replaces ours */
    size_t length;
};

/* Reads what `option` says in place of ours; false: nothing. */
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

/* Returns the accelerator that the user's option names; the caller frees. NULL: it names none, the
 * choice is ours. */
static char *given_accelerator(const struct word *word)
{
    static const char prefix[] = "enable-"; /* -enable-kvm */
    const char *name = word->option.name;
    size_t length = 0;
    const char *item = NULL;

    if (!word->value)
        return NULL;
    if (!strncmp(name, prefix, strlen(prefix)))
        return xstrdup(name + strlen(prefix));
    item = qemu_option_item(word->value, "accel", &length); /* -accel accel=kvm */
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

/* The bytes that QEMU reads in a size: "2G", "1.5g", "512" (MiB). 0: it is none. */
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

/* QEMU rounds up to it (hw/core/machine.c). */
#define MEMORY_STEP 8192

uint64_t planner_memory(const struct planner *p)
{
    struct word word = last_word(p, MODEL_MEMORY);
    uint64_t bytes = word.value ? read_size(word.value, word.length) : 0;

    if (!bytes)
        bytes = (uint64_t)config_integer(p->config, "virtualisation.memorySize") << 20;
    return (bytes + MEMORY_STEP - 1) / MEMORY_STEP * MEMORY_STEP;
}

bool planner_has_own_machine(const struct planner *p)
{
    struct word word = last_word(p, MODEL_TYPE);

    return !word.value || (word.length >= 3 && !strncmp(word.value + word.length - 3, "q35", 3)) ||
           !strncmp(word.value, "pc-q35", strlen("pc-q35"));
}
