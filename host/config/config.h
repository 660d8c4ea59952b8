/* SPDX-License-Identifier: MIT */
/* The configuration: JSON files and -o settings, merged into the option tree by the rules of the
 * Nix module system, checked, every default filled in. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"
#include "base/strv.h"
#include "host/config/drive.h"
#include "host/config/filesystem.h"
#include "host/config/portforward.h"
#include "host/config/qemuentry.h"
#include "host/config/share.h"

/* Where a definition stands. */
struct source {
    char *name; /* for messages: the file, or "command line" */
    json_t *tree;
    bool built_in;
    bool command_line;
};

struct config {
    struct source **sources; /* in the order given */
    size_t source_count;
    struct source built_in;
    json_t *values;         /* by an option's full name */
    json_int_t *priorities; /* of the definitions that won, in the order of schema_options */
    bool diskless;          /* the root is elsewhere: no disk image unless one is asked for */
    struct strv problems;   /* what is wrong, each a whole message; of very many the first */
    size_t problem_count;   /* of all */
    struct strv warnings;

    /* Values decoded from `values`, to which their texts belong. */
    struct shares shares;
    struct drives drives;
    struct port_forwards forward_ports;
    struct filesystems filesystems;
    struct qemu_entries qemu_options, networking_options;
    uint64_t *empty_disks; /* virtualisation.emptyDiskImages: the sizes in bytes */
    size_t empty_disk_count;
    unsigned int *vlans; /* virtualisation.vlans */
    size_t vlan_count;
    uint64_t cache_size; /* runVm.cacheSize in bytes; 0: null */
};

/* struct config config CLEANUP_CONFIG = {0}; */
#define CLEANUP_CONFIG CLEANUP(config_free)

/* Reads a file ("-": stdin). 0, or a negative errno with FILE:LINE:COLUMN and what is wrong;
 * -EINVAL: it is no JSON object. */
int config_add_file(struct config *config, const char *path, struct error *e);

/* Takes an option tree as if it stood in a file of that name, and its reference. */
void config_add_tree(struct config *config, const char *name, json_t *tree);

/* Takes the setting "OPTION.PATH=VALUE": VALUE is JSON, or for a string just that. It wins over
 * what files say; to lists it appends. 0, or -EINVAL with the reason. */
int config_add_setting(struct config *config, const char *setting, struct error *e);

/* Merges everything. 0, or -EINVAL when there are problems; all are found. */
int config_resolve(struct config *config);

/* The file that messages name; "command line" where there is none. */
const char *config_file(const struct config *config);

/* Notes a problem by its whole message. */
void config_note(struct config *config, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Notes what is wrong with the value of `option`, as "FILE: OPTION: …". FILE has the last
 * definition of it (origin.h). What has been noted already is not noted again. */
void config_problem(struct config *config, const char *option, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with the text that is wrong before it: "FILE: OPTION: "TEXT" WHAT". */
void config_text_problem(struct config *config, const char *option, const char *text,
                         const char *what);

/* The same for an option that is wrong only because another one, `cause`, has its value. */
void config_problem_of(struct config *config, const char *cause, const char *option,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Whether something wrong with `option`, or a part of its value, has been noted: what only follows
 * from it is not worth a message. */
bool config_has_problem(const struct config *config, const char *option);

/* The value of an option. Its name must be in the table, and its type as the function says:
 * anything else is a mistake in the program, which ends. Texts are NULL for null. */
json_t *config_get(const struct config *config, const char *option);
bool config_bool(const struct config *config, const char *option);
json_int_t config_integer(const struct config *config, const char *option);
const char *config_text(const struct config *config, const char *option);

/* The strings of a list; the caller frees. */
struct strv config_texts(const struct config *config, const char *option);

/* Whether somebody has set it, more strongly than mkDefault does. */
bool config_is_set(const struct config *config, const char *option);

void config_free(struct config *config);

/* The priority of -o where it sets a single value, the ordinary one, and that of an option's own
 * default. */
#define PRIORITY_COMMAND_LINE 10
#define PRIORITY_ORDINARY     100
#define PRIORITY_DEFAULT      1500
