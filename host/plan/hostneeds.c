/* SPDX-License-Identifier: MIT */
/* Notes the host's files, directories and free ports that a start needs; needs.h checks them before
 * anything is made. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/text.h"
#include "host/machine/qemuoption.h"
#include "host/plan/planner.h"
#include "host/system/path.h"

/* Takes the name. */
static void add_need(struct planner *p, char *name, const char *path, enum need_kind kind)
{
    struct plan *plan = p->plan;
    const struct plan_need need = {
        .name = name, .path = path_absolute(plan->cwd, path), .kind = kind};

    ARRAY_PUSH(plan->needs, plan->need_count, need);
}

void planner_need(struct planner *p, const char *option, const char *path, enum need_kind kind)
{
    if (p->dialect->checks_host && *path)
        add_need(p, config_origin_name(p->config, option), path, kind);
}

/* QEMU's options that name a file or directory of the host. */
static const struct {
    const char *name;
    const char *key; /* of the item that has it; NULL: the whole value */
    enum need_kind kind;
} path_options[] = {
    {"drive", "file", NEED_FILE},      {"virtfs", "path", NEED_DIRECTORY},
    {"fsdev", "path", NEED_DIRECTORY}, {"cdrom", NULL, NEED_FILE},
    {"hda", NULL, NEED_FILE},          {"hdb", NULL, NEED_FILE},
    {"hdc", NULL, NEED_FILE},          {"hdd", NULL, NEED_FILE},
};

/* The value of the item KEY=VALUE in a list, without doubled commas; the caller frees. NULL: it is
 * not in the list. */
static char *item_value(const char *list, const char *key)
{
    size_t length = strlen(key);
    const char *from = list;

    while (strncmp(from, key, length) != 0 || from[length] != '=') {
        while (*from && (from[0] != ',' || from[1] == ','))
            from += *from == ',' ? 2 : 1;
        if (!*from++)
            return NULL;
    }
    from += length + 1;
    char *value = xcalloc(strlen(from) + 1, 1);
    for (char *to = value; *from && (from[0] != ',' || from[1] == ','); from++) {
        *to++ = *from;
        from += *from == ',';
    }
    return value;
}

/* True if QEMU takes the path for something else than a file: nbd:…, json:{…}, a descriptor. */
static bool is_no_file(const char *path)
{
    const char *colon = strchr(path, ':');
    const char *slash = strchr(path, '/');

    return !*path || (colon && (!slash || colon < slash)) || startswith(path, "/dev/fd");
}

void planner_need_file(struct planner *p, const char *option, const char *path)
{
    if (!is_no_file(path))
        planner_need(p, option, path, NEED_FILE);
}

static void need_path_of(struct planner *p, const char *source, const struct qemu_option *option)
{
    for (size_t i = 0; i < ELEMENTS(path_options); i++) {
        if (!streq(path_options[i].name, option->name))
            continue;
        char *path CLEANUP_FREE = path_options[i].key
                                      ? item_value(option->value, path_options[i].key)
                                      : xstrdup(option->value);

        if (p->dialect->checks_host && path && !is_no_file(path))
            add_need(p, xasprintf("%s: -%s", source, option->name), path, path_options[i].kind);
    }
}

void planner_need_words(struct planner *p, const char *source, const struct strv *words)
{
    struct qemu_option option;

    for (size_t at = 0; qemu_option_next(words, &at, &option);) {
        if (!option.value)
            continue;
        need_path_of(p, source, &option);
        if (streq(option.name, "netdev") || streq(option.name, "nic") || streq(option.name, "net"))
            planner_need_ports(p, source, option.value);
    }
}

static bool overlaps(const struct plan_port *a, const struct plan_port *b)
{
    return a->udp == b->udp && a->number == b->number &&
           (a->address.s_addr == b->address.s_addr || a->address.s_addr == INADDR_ANY ||
            b->address.s_addr == INADDR_ANY);
}

/* Takes the port. */
static void add_port(struct planner *p, struct plan_port port)
{
    struct plan *plan = p->plan;

    for (size_t i = 0; i < plan->port_count; i++)
        if (overlaps(&plan->ports[i], &port)) {
            config_note(p->config,
                        "%s: port %u (%s) is forwarded twice, the first time by %s: a port of the "
                        "host leads to one port of the guest",
                        port.name, port.number, port.udp ? "udp" : "tcp", plan->ports[i].name);
            free(port.name);
            return;
        }
    ARRAY_PUSH(plan->ports, plan->port_count, port);
}

/* Reads [PROTOCOL]:[ADDRESS]:PORT-… as QEMU does. False if it is something else, about which QEMU
 * will complain. */
static bool read_port(struct plan_port *port, const char *rule)
{
    const char *address = strchr(rule, ':');
    const char *number = address ? strchr(address + 1, ':') : NULL;
    const char *end = number ? strchr(number + 1, '-') : NULL;

    if (!end)
        return false;
    char *text CLEANUP_FREE = xstrndup(address + 1, (size_t)(number - address) - 1);
    char *stop;
    unsigned long value = strtoul(number + 1, &stop, 10);

    port->udp = startswith(rule, "udp:") != NULL;
    port->number = (uint16_t)value;
    port->address.s_addr = INADDR_ANY;
    return stop == end && value > 0 && value <= UINT16_MAX &&
           (!*text || inet_aton(text, &port->address));
}

void planner_need_ports(struct planner *p, const char *source, const char *list)
{
    struct strv items CLEANUP_STRV = {0};

    strv_split(&items, list, ',');
    for (size_t i = 0; i < items.count; i++) {
        const char *rule = startswith(items.items[i], "hostfwd=");
        struct plan_port port = {0};

        if (!rule || !read_port(&port, rule))
            continue;
        port.name = xstrdup(source);
        add_port(p, port);
    }
}
