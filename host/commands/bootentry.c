/* SPDX-License-Identifier: MIT */
#include "host/commands/bootentry.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "common/cmdline.h"
#include "common/params.h"

/* Parameters to leave out; a name that ends in '*' is a prefix. */
static const char *const left_out[] = {
    "root",   "rootfstype", "rootflags",   "ro",         "rw",     "resume", "resume_offset",
    "luks.*", "rd.*",       "crashkernel", "BOOT_IMAGE", "initrd", "$*",     PARAM_PREFIX "*",
};

static bool is_left_out(const char *name)
{
    for (size_t i = 0; i < ELEMENTS(left_out); i++) {
        size_t length = strcspn(left_out[i], "*");

        if (left_out[i][length] ? strncmp(name, left_out[i], length) == 0
                                : streq(name, left_out[i]))
            return true;
    }
    return false;
}

/* True if the kernel reads the text as that word alone. It does not if the name needs quotes. */
static bool is_read_back(const char *text, const struct cmdline_word *word)
{
    struct cmdline line CLEANUP_CMDLINE = {0};

    return !*cmdline_parse(&line, text) && line.count == 1 && streq(line.words[0].name, word->name);
}

static void take_parameters(struct boot_entry *entry, const char *text)
{
    struct cmdline line CLEANUP_CMDLINE = {0};

    (void)cmdline_parse(&line, text);
    for (size_t i = 0; i < line.count; i++) {
        const struct cmdline_word *word = &line.words[i];
        char *quoted CLEANUP_FREE = cmdline_quote(word->name, word->value, NULL);

        if (quoted && !is_left_out(word->name) && is_read_back(quoted, word))
            strv_push(&entry->parameters, quoted);
    }
}

static void replace(char **member, const char *value)
{
    free(*member);
    *member = xstrdup(value);
}

/* Takes a line "KEY VALUE"; the last of several kernels and versions counts. */
static void take_line(struct boot_entry *entry, char *line)
{
    char *key = line + strspn(line, " \t");
    char *value = key + strcspn(key, " \t");
    size_t length;

    if (*value)
        *value++ = '\0';
    value += strspn(value, " \t");
    length = strlen(value);
    while (length > 0 && isspace((unsigned char)value[length - 1]))
        value[--length] = '\0';
    if (!length)
        return;
    if (streq(key, "linux"))
        replace(&entry->kernel, value);
    else if (streq(key, "version"))
        replace(&entry->version, value);
    else if (streq(key, "options"))
        take_parameters(entry, value);
}

void bootentry_parse(struct boot_entry *entry, const char *text)
{
    char *copy CLEANUP_FREE = xstrdup(text);
    char *rest = copy;

    for (char *line; (line = strsep(&rest, "\n"));)
        take_line(entry, line);
}

void bootentry_free(struct boot_entry *entry)
{
    free(entry->kernel);
    free(entry->version);
    strv_free(&entry->parameters);
    *entry = (struct boot_entry){0};
}
