/* SPDX-License-Identifier: MIT */
#include "init/nix/nixschema.h"

/* Observed in databases made by Nix 2.8.0 and 2.26.3 (`sqlite3 db.sqlite .schema`). */
#define VALID_PATHS(after_hash)                                                                    \
    "create table if not exists ValidPaths (\n"                                                    \
    "    id               integer primary key autoincrement not null,\n"                           \
    "    path             text unique not null,\n"                                                 \
    "    hash             text not null," after_hash "\n"                                          \
    "    registrationTime integer not null,\n"                                                     \
    "    deriver          text,\n"                                                                 \
    "    narSize          integer,\n"                                                              \
    "    ultimate         integer, -- null implies \"false\"\n"                                    \
    "    sigs             text, -- space-separated\n"                                              \
    "    ca               text -- if not null, an assertion that the path is content-addressed; "  \
    "see ValidPathInfo\n"                                                                          \
    ")"

static const char refs[] =
    "create table if not exists Refs (\n"
    "    referrer  integer not null,\n"
    "    reference integer not null,\n"
    "    primary key (referrer, reference),\n"
    "    foreign key (referrer) references ValidPaths(id) on delete cascade,\n"
    "    foreign key (reference) references ValidPaths(id) on delete restrict\n"
    ")";

static const char refs_indexes[] =
    "create index if not exists IndexReferrer on Refs(referrer);"
    "create index if not exists IndexReference on Refs(reference);"
    "create trigger if not exists DeleteSelfRefs before delete on ValidPaths\n"
    "  begin\n"
    "    delete from Refs where referrer = old.id and reference = old.id;\n"
    "  end";

static const char outputs[] = "create table if not exists DerivationOutputs (\n"
                              "    drv  integer not null,\n"
                              "    id   text not null, -- symbolic output id, usually \"out\"\n"
                              "    path text not null,\n"
                              "    primary key (drv, id),\n"
                              "    foreign key (drv) references ValidPaths(id) on delete cascade\n"
                              ")";

static const char outputs_index[] =
    "create index if not exists IndexDerivationOutputs on DerivationOutputs(path)";

static const char migrations[] =
    "create table if not exists SchemaMigrations (migration text primary key not null)";

static const char *const texts[][NIXSCHEMA_PARTS] = {
    [NIXTARGET_2_8] = {VALID_PATHS(""), refs, refs_indexes, outputs, outputs_index, ""},
    [NIXTARGET_2_26] = {VALID_PATHS(" -- base16 representation"), refs, refs_indexes, outputs,
                        outputs_index, migrations},
};

int nixschema_create(struct nixsql *db, enum nixtarget_version version, enum nixschema_part part,
                     struct error *e)
{
    return nixsql_exec(db, texts[version][part], e);
}
