/* SPDX-License-Identifier: MIT */
#include "host/commands/listcommand.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/remote/virsh.h"
#include "host/run/registry.h"
#include "host/system/message.h"
#include "host/system/output.h"
#include "host/system/process.h"

#define MEMBER(name) offsetof(struct listcommand_options, name)

static const struct commandline_option option_table[] = {
    {"json", 'j', COMMANDLINE_FLAG, MEMBER(json), NULL,
     .help = "print a JSON array with all that is known of each machine"},
    {"connect", 0, COMMANDLINE_TEXT, MEMBER(connect), "URI",
     .help = "list the machines of a libvirt, by virsh"},
    {"help", 'h', COMMANDLINE_HELP, 0, NULL, .help = "print this"},
};
const struct commandline listcommand_syntax = {.options = option_table,
                                               .count = ELEMENTS(option_table)};

/* --- cells; the caller frees each --- */

static char *name_cell(const struct registry_machine *machine)
{
    return xstrdup(machine->name);
}

static char *pid_cell(const struct registry_machine *machine)
{
    json_int_t pid = registry_number(machine, "pid");
    return pid > 0 ? xasprintf("%" JSON_INTEGER_FORMAT, pid) : NULL;
}

/* An age in its two largest units, such as 3h05m. */
static char *age_cell(const struct registry_machine *machine)
{
    json_int_t started = registry_number(machine, "started");
    intmax_t age = time(NULL) - (time_t)started;
    if (started <= 0)
        return NULL;
    if (age < 60)
        return xasprintf("%jds", age > 0 ? age : 0);
    if (age < 3600)
        return xasprintf("%jdm%02jds", age / 60, age % 60);
    if (age < 86400)
        return xasprintf("%jdh%02jdm", age / 3600, age / 60 % 60);
    return xasprintf("%jdd%02jdh", age / 86400, age / 3600 % 24);
}

static char *memory_cell(const struct registry_machine *machine)
{
    json_int_t memory = registry_number(machine, "memory");
    if (memory <= 0)
        return NULL;
    return memory % 1024 ? xasprintf("%" JSON_INTEGER_FORMAT "M", memory)
                         : xasprintf("%" JSON_INTEGER_FORMAT "G", memory / 1024);
}

static char *image_cell(const struct registry_machine *machine)
{
    return xstrdup(registry_text(machine, "image"));
}

/* Returns [ADDRESS:]HOST:GUEST[/udp]. */
static char *format_port(json_t *port)
{
    const char *address = json_string_value(json_object_get(port, "hostAddress"));
    const char *protocol = json_string_value(json_object_get(port, "protocol"));
    return xasprintf("%s%s%" JSON_INTEGER_FORMAT ":%" JSON_INTEGER_FORMAT "%s",
                     address ? address : "", address && *address ? ":" : "",
                     json_integer_value(json_object_get(port, "hostPort")),
                     json_integer_value(json_object_get(port, "guestPort")),
                     protocol && streq(protocol, "udp") ? "/udp" : "");
}

static char *ports_cell(const struct registry_machine *machine)
{
    struct strv ports CLEANUP_STRV = {0};
    size_t index;
    json_t *port;
    json_array_foreach (json_object_get(machine->facts, "ports"), index, port)
        strv_take(&ports, format_port(port));
    return ports.count ? strv_join(&ports, ",") : NULL;
}

static const struct {
    const char *title;
    char *(*cell)(const struct registry_machine *machine); /* returns NULL for "-" */
} columns[] = {
    {"NAME", name_cell},     {"PID", pid_cell},     {"AGE", age_cell},
    {"MEMORY", memory_cell}, {"IMAGE", image_cell}, {"PORTS", ports_cell},
};
#define COLUMNS ELEMENTS(columns)

/* --- the table --- */

/* The number of columns that a text of UTF-8 takes on a terminal, provided that each character
 * takes one. */
static size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += !text_continues_character(*text);
    return width;
}

static void fill_row(char *row[], const struct registry_machine *machine)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        char *text CLEANUP_FREE = machine ? columns[i].cell(machine) : xstrdup(columns[i].title);
        row[i] = message_clean(text ? text : "-");
    }
}

static void print_row(char *row[], const size_t widths[])
{
    for (size_t i = 0; i < COLUMNS; i++) {
        size_t gap = i + 1 < COLUMNS ? widths[i] - text_width(row[i]) + 2 : 0;
        (void)printf("%s%*s", row[i], (int)gap, "");
        free(row[i]);
    }
    (void)putchar('\n');
}

static void print_table(const struct registry_machines *machines)
{
    char *(*rows)[COLUMNS] CLEANUP_FREE = xcalloc(machines->count + 1, sizeof *rows);
    size_t widths[COLUMNS] = {0};
    for (size_t i = 0; i <= machines->count; i++) {
        fill_row(rows[i], i ? &machines->items[i - 1] : NULL);
        for (size_t j = 0; j < COLUMNS; j++)
            if (text_width(rows[i][j]) > widths[j])
                widths[j] = text_width(rows[i][j]);
    }
    for (size_t i = 0; i <= machines->count; i++)
        print_row(rows[i], widths);
}

static void print_json(const struct registry_machines *machines)
{
    json_t *all = json_array();
    for (size_t i = 0; i < machines->count; i++)
        (void)json_array_append(all, machines->items[i].facts);
    (void)json_dumpf(all, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
    (void)putchar('\n');
    json_decref(all);
}

/* Prints virsh's list of all machines, whoever made them. Returns the exit status. */
static int list_elsewhere(const char *uri)
{
    struct error e CLEANUP_ERROR = {0};
    struct virsh virsh CLEANUP_VIRSH = {0};
    char *list CLEANUP_FREE =
        virsh_open(&virsh, uri, &e) < 0 ? NULL : virsh_call(&virsh, &e, "list", "--all", NULL);
    if (!list)
        return message_report(&e, STATUS_UNAVAILABLE);
    (void)fputs(list, stdout);
    return output_finish();
}

int listcommand_run(void *values)
{
    const struct listcommand_options *options = values;
    struct registry_machines machines CLEANUP_MACHINES = {0};
    struct error e CLEANUP_ERROR = {0};
    if (options->connect && options->json) {
        (void)error_set(&e, -EINVAL, "--json: expected no --connect, whose list is virsh's");
        return message_report(&e, STATUS_USAGE);
    }
    if (options->connect)
        return list_elsewhere(options->connect);
    if (registry_list(&machines, &e) < 0)
        return message_report(&e, STATUS_IO);
    if (options->json)
        print_json(&machines);
    else if (machines.count)
        print_table(&machines);
    else
        log_info("no machine runs");
    return output_finish();
}
