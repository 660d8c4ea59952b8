/* SPDX-License-Identifier: MIT */
#include "host/commands/chartcommand.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "host/run/chartfile.h"
#include "host/system/message.h"
#include "host/system/process.h"

static const struct commandline_option option_table[] = {
    {"help", 'h', COMMANDLINE_HELP, 0, NULL, .help = "print this"},
};
const struct commandline chartcommand_syntax = {
    .options = option_table,
    .count = ELEMENTS(option_table),
    .words = "FILE.json [FILE.svg]",
    .words_offset = offsetof(struct chartcommand_options, words),
    .words_most = 2,
};

static bool has_kind(const char *file, enum chartfile_kind kind, const char *end, struct error *e)
{
    if (chartfile_kind(file) == kind)
        return true;
    (void)error_set(e, -EINVAL, "%s: expected a name that ends in %s", file, end);
    return false;
}

/* Returns the name of the picture; the caller frees. NULL with the reason. */
static char *name_picture(const struct strv *words, struct error *e)
{
    if (words->count == 0)
        (void)error_set(e, -EINVAL, "chart: give FILE.json, which --boot-chart has written");
    if (words->count == 0 || !has_kind(words->items[0], CHARTFILE_JSON, ".json", e))
        return NULL;
    const char *data = words->items[0];
    if (words->count == 1)
        return xasprintf("%.*s.svg", (int)(strlen(data) - strlen(".json")), data);
    return has_kind(words->items[1], CHARTFILE_SVG, ".svg", e) ? xstrdup(words->items[1]) : NULL;
}

int chartcommand_run(void *values)
{
    const struct chartcommand_options *options = values;
    struct error e CLEANUP_ERROR = {0};
    struct chart chart CLEANUP_CHART = {0};
    char *picture CLEANUP_FREE = name_picture(&options->words, &e);
    if (!picture)
        return message_report(&e, STATUS_USAGE);
    int r = chartfile_read(&chart, options->words.items[0], &e);
    if (r < 0)
        return message_report(&e, r == -EINVAL ? STATUS_CONFIGURATION : STATUS_IO);
    return chartfile_draw(&chart, picture, &e) < 0 ? message_report(&e, STATUS_IO) : 0;
}
