/* SPDX-License-Identifier: MIT */
/* The configuration: JSON files and -o settings, merged into the tree of options by the rules of
 * the Nix module system (resolve.h), checked, with every default filled in. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"
#include "base/strv.h"
#include "host/config/credential.h"
#include "host/config/diskinterface.h"
#include "host/config/drive.h"
#include "host/config/filesystem.h"
#include "host/config/netcard.h"
#include "host/config/origin.h"
#include "host/config/platform.h"
#include "host/config/portforward.h"
#include "host/config/qemuentry.h"
#include "host/config/release.h"
#include "host/config/share.h"
#include "host/config/source.h"

struct config {
    struct sources sources;
    bool diskless;        /* the root is elsewhere: a disk image is made only if one is asked for */
    bool is_root;         /* run-vm runs as root */
    bool elsewhere;       /* the machine runs on another host: nothing of this one is shared with
                             it, and its store is an image */
    json_t *values;       /* by an option's full name */
    json_t *priorities;   /* integers, by the same name: the priority of the definitions that won,
                             where that is not the default's */
    struct strv problems; /* whole messages; of very many the first */
    size_t problem_count; /* of all problems */
    struct strv warnings;

    /* Decoded values; their texts belong to `values`. */
    const struct release *release; /* runVm.release */
    const char *platform_name;     /* nixpkgs.hostPlatform: "x86_64-linux" */
    const struct platform *platform;
    const struct disk_interface *disk_interface;
    struct shares shares;
    char *store_reason; /* why run-vm chose the transport of the store's share; NULL: it did not */
    struct credentials credentials;
    struct drives drives;
    struct port_forwards forward_ports;
    struct filesystems filesystems;
    struct qemu_entries qemu_options;
    struct qemu_entries networking_options;
    uint64_t *empty_disks; /* virtualisation.emptyDiskImages: the sizes in bytes */
    size_t empty_disk_count;
    struct netcards cards; /* virtualisation.allInterfaces */
    struct {
        uint64_t x, y;
    } resolution;        /* virtualisation.resolution, in pixels */
    uint64_t cache_size; /* runVm.cacheSize in bytes; 0: null */
};

/* struct config config CLEANUP_CONFIG = {0}; */
#define CLEANUP_CONFIG CLEANUP(config_free)

/* Reads a file, or stdin for "-". Returns 0, or a negative errno with the message, which begins
 * with FILE or FILE:LINE:COLUMN; -EINVAL: the file was read and is not a JSON object. */
int config_add_file(struct config *config, const char *path, struct error *e);

/* Takes an option tree as the content of a file of that name, and the reference to the tree. */
void config_add_tree(struct config *config, const char *name, json_t *tree);

/* The origin of an option's value or of a part of it, and its name in messages, which the caller
 * frees (origin.h). */
struct origin config_origin(const struct config *config, const char *option);
char *config_origin_name(const struct config *config, const char *option);

/* Notes a problem by its whole message. */
void config_note(struct config *config, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Notes a problem with the value of `option`, as "FILE: OPTION: …", where FILE has the last
 * definition of the option. A problem that has been noted before is not noted again. */
void config_problem(struct config *config, const char *option, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Notes "FILE: OPTION: "TEXT" WHAT", TEXT being the part of the value that is wrong. */
void config_text_problem(struct config *config, const char *option, const char *text,
                         const char *what);

/* Notes a problem with `option` that another option's value, `cause`, has brought about: FILE is
 * that of the cause. */
void config_problem_of(struct config *config, const char *cause, const char *option,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* True if a problem with `option` or a part of its value has been noted: mere consequences of it
 * are not worth a message. */
bool config_has_problem(const struct config *config, const char *option);

/* The value of an option. Its name must be in the table, and its type as the function says;
 * anything else is a bug in run-vm, which aborts. config_text() returns NULL for null;
 * config_integer() 0. */
json_t *config_get(const struct config *config, const char *option);
bool config_bool(const struct config *config, const char *option);
json_int_t config_integer(const struct config *config, const char *option);
const char *config_text(const struct config *config, const char *option);

/* The strings of a list; the caller frees. */
struct strv config_texts(const struct config *config, const char *option);

/* The priority of the definitions that won: PRIORITY_DEFAULT if there are none. */
json_int_t config_priority(const struct config *config, const char *option);

/* True if a source sets the option, more strongly than mkDefault does. */
bool config_is_set(const struct config *config, const char *option);

void config_free(struct config *config);
