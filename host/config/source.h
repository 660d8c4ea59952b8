/* SPDX-License-Identifier: MIT */
/* Sources of definitions: files of JSON, settings of the command line, and the built-in ones. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct source {
    char *name; /* in messages: the file's name, or "command line" */
    json_t *tree;
    bool built_in;
    bool command_line;
};

/* An option that a source sets by its old name. */
struct renaming {
    const char *old_name, *new_name; /* static */
};

struct sources {
    struct source *items; /* in the order given; a pointer to one lasts until the next is added */
    size_t count;
    struct renaming *renamings;
    size_t renaming_count;
};

/* Priorities of definitions, of which the lowest wins: those of the command line that set a single
 * value, ordinary ones, those of lib.mkDefault, and the default of an option. */
#define PRIORITY_COMMAND_LINE 10
#define PRIORITY_ORDINARY     100
#define PRIORITY_MACHINE      10 /* lib.mkVMOverride */
#define PRIORITY_MK_DEFAULT   1000
#define PRIORITY_DEFAULT      1500

/* Appends a source. Copies the name and takes over the reference to the tree. */
void source_add(struct sources *sources, const char *name, json_t *tree, bool command_line);

/* Notes that an option is set by its old name. Both names must last. */
void source_note_old_name(struct sources *sources, const char *old_name, const char *new_name);

/* The first source's name, in messages about values that no source defines; "command line" if there
 * is no source. */
const char *source_main_name(const struct sources *sources);

/* True if a source has a definition of the option, of whatever priority. For defaults that depend
 * on an option below their own in the table; config_is_set() tells of those above. */
bool source_defines(const struct sources *sources, const char *option);

void source_free(struct sources *sources);
