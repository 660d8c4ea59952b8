/* SPDX-License-Identifier: MIT */
/* The tables of Nix's database, schema 10. The text is Nix's own, since the database stores it. */
#pragma once

#include "init/nix/nixsql.h"
#include "init/nix/nixtarget.h"

#define NIXSCHEMA_NUMBER "10" /* content of db/schema, without a newline */

/* In Nix's order of creation. An index is built at once if its part is created after the rows. */
enum nixschema_part {
    NIXSCHEMA_VALID_PATHS,
    NIXSCHEMA_REFS,
    NIXSCHEMA_REFS_INDEXES, /* and the trigger for self references */
    NIXSCHEMA_OUTPUTS,
    NIXSCHEMA_OUTPUTS_INDEX,
    NIXSCHEMA_MIGRATIONS, /* empty in NIXTARGET_2_8 */
    NIXSCHEMA_PARTS,
};

/* Creates the tables and indexes of `part` that do not exist yet. Returns 0 or a negative errno
 * with the reason. */
int nixschema_create(struct nixsql *db, enum nixtarget_version version, enum nixschema_part part,
                     struct error *e);
