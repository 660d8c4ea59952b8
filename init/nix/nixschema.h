/* SPDX-License-Identifier: MIT */
/* The tables of Nix's database, schema 10, in the words of Nix, which the database remembers. */
#pragma once

#include "init/nix/nixsql.h"
#include "init/nix/nixtarget.h"

#define NIXSCHEMA_NUMBER "10" /* what db/schema holds, without a newline */

/* Nix's order of creation. Each may be created when the rows before it are there, so that an index
 * is built in one go. Creating what is there already does nothing. */
enum nixschema_part {
    NIXSCHEMA_VALID_PATHS,
    NIXSCHEMA_REFS,
    NIXSCHEMA_REFS_INDEXES, /* and the trigger for self references */
    NIXSCHEMA_OUTPUTS,
    NIXSCHEMA_OUTPUTS_INDEX,
    NIXSCHEMA_MIGRATIONS, /* nothing in the older version */
    NIXSCHEMA_PARTS,
};

int nixschema_create(struct nixsql *db, enum nixtarget_version version, enum nixschema_part part,
                     struct error *e);
