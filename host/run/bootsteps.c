/* SPDX-License-Identifier: MIT */
#include "host/run/bootsteps.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strv.h"
#include "base/text.h"

/* In microseconds: a step shorter than this is not shown, and the time of the current one only once
 * it is longer than that. */
#define SHORT 50000
#define LONG  2000000

const char *const bootstep_names[BOOTSTEP_COUNT] = {
    [BOOTSTEP_KERNEL] = "kernel", [BOOTSTEP_MODULES] = "modules", [BOOTSTEP_DISK] = "disk",
    [BOOTSTEP_MOUNTS] = "mounts", [BOOTSTEP_STAGE2] = "stage 2",
};

/* Steps of init (init/main.c), in their order; one that is not here belongs to the one before. */
static const struct {
    const char *name;
    enum bootstep step;
} init_steps[] = {
    {"modules", BOOTSTEP_MODULES},
    {"devices", BOOTSTEP_DISK},
    {"mounts", BOOTSTEP_MOUNTS},
};

void bootsteps_start(struct bootsteps *steps, int64_t now)
{
    *steps = (struct bootsteps){.since = now};
}

static void replace(char **text, const char *by)
{
    free(*text);
    *text = by && *by ? xstrdup(by) : NULL;
}

/* Enters a step. An earlier one than the current means that the guest boots again. */
static bool enter(struct bootsteps *steps, enum bootstep step, int64_t now)
{
    if (step == steps->current)
        return false;
    if (step < steps->current)
        (void)memset(steps->took, 0, sizeof steps->took);
    else
        steps->took[steps->current] = now - steps->since;
    steps->current = step;
    steps->since = now;
    return true;
}

bool bootsteps_mark(struct bootsteps *steps, const struct bootmark *mark)
{
    steps->marked = true;
    if (mark->kind == BOOTMARK_PART)
        replace(&steps->part, mark->text);
    if (mark->kind != BOOTMARK_STEP && mark->kind != BOOTMARK_STARTED)
        return false;
    bool started = mark->kind == BOOTMARK_STARTED;
    replace(&steps->part, NULL);
    replace(&steps->step, started ? bootstep_names[BOOTSTEP_STAGE2] : mark->text);
    if (started)
        return enter(steps, BOOTSTEP_STAGE2, mark->host);
    for (size_t i = 0; i < ELEMENTS(init_steps); i++)
        if (streq(mark->text, init_steps[i].name))
            return enter(steps, init_steps[i].step, mark->host);
    return false;
}

static char *join(const struct bootsteps *steps, int64_t now, bool times)
{
    struct strv words CLEANUP_STRV = {0};
    const char *name = bootstep_names[steps->current];
    int64_t passed = now - steps->since;
    for (size_t i = 0; i < steps->current; i++) {
        double seconds = (double)steps->took[i] / 1e6;
        if (steps->took[i] >= SHORT && times)
            strv_pushf(&words, "%s %.1f s", bootstep_names[i], seconds);
        else if (steps->took[i] >= SHORT)
            strv_push(&words, bootstep_names[i]);
    }
    if (steps->current == BOOTSTEP_STAGE2)
        strv_push(&words, name);
    else if (times && passed >= LONG)
        strv_pushf(&words, "%s %d s...", name, (int)(passed / 1000000));
    else
        strv_pushf(&words, "%s...", name);
    return strv_join(&words, ", ");
}

char *bootsteps_format(const struct bootsteps *steps, int64_t now, size_t columns)
{
    char *line = join(steps, now, true);
    if (strlen(line) <= columns)
        return line;
    free(line);
    line = join(steps, now, false);
    if (strlen(line) <= columns)
        return line;
    free(line);
    return xasprintf("%s%s", bootstep_names[steps->current],
                     steps->current == BOOTSTEP_STAGE2 ? "" : "...");
}

char *bootsteps_last(const struct bootsteps *steps)
{
    if (!steps->marked)
        return NULL;
    if (!steps->step)
        return xstrdup("its init began");
    return steps->part ? xasprintf("%s (%s)", steps->step, steps->part) : xstrdup(steps->step);
}

void bootsteps_free(struct bootsteps *steps)
{
    free(steps->step);
    free(steps->part);
    *steps = (struct bootsteps){0};
}
