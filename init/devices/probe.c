/* SPDX-License-Identifier: MIT */
#include "init/devices/probe.h"

#include <blkid/blkid.h>
#include <errno.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/text.h"

static void free_prober(blkid_probe *prober)
{
    blkid_free_probe(*prober);
}

static char *value_of(blkid_probe prober, const char *name)
{
    const char *value = NULL;
    if (blkid_probe_lookup_value(prober, name, &value, NULL) < 0 || !value || !*value)
        return NULL;
    return xstrdup(value);
}

static void take_values(blkid_probe prober, struct probe *p)
{
    const struct {
        const char *name;
        char **where;
    } values[] = {
        {"TYPE", &p->type}, {"USAGE", &p->usage},   {"LABEL", &p->label},
        {"UUID", &p->uuid}, {"PTTYPE", &p->pttype},
    };
    for (size_t i = 0; i < ELEMENTS(values); i++)
        *values[i].where = value_of(prober, values[i].name);
}

/* Copies the entries of the partition table, and its type if that is missing: libblkid's other
 * interface does not report a BSD disklabel. */
static void take_partitions(blkid_probe prober, struct probe *p)
{
    blkid_partlist list = blkid_probe_get_partitions(prober);
    int count = list ? blkid_partlist_numof_partitions(list) : 0;
    if (count <= 0)
        return;
    p->partitions = xcalloc((size_t)count, sizeof *p->partitions);
    for (int i = 0; i < count; i++) {
        blkid_partition entry = blkid_partlist_get_partition(list, i);
        if (!entry)
            continue;
        if (!p->pttype)
            p->pttype = xstrdup(blkid_parttable_get_type(blkid_partition_get_table(entry)));
        p->partitions[p->partition_count++] = (struct probe_partition){
            .number = blkid_partition_get_partno(entry),
            .label = xstrdup(blkid_partition_get_name(entry)),
            .uuid = xstrdup(blkid_partition_get_uuid(entry)),
        };
    }
}

/* Lists the formats that have a signature: "ext4 and swap". The caller frees. */
static char *all_types(blkid_probe prober)
{
    struct strv types CLEANUP_STRV = {0};
    blkid_reset_probe(prober);
    while (blkid_do_probe(prober) == 0) {
        const char *names[] = {"TYPE", "PTTYPE"};
        for (size_t i = 0; i < ELEMENTS(names); i++) {
            char *type CLEANUP_FREE = value_of(prober, names[i]);
            if (type && !strv_contains(&types, type))
                strv_push(&types, type);
        }
    }
    return strv_join(&types, " and ");
}

static int run(blkid_probe prober, const char *name, struct probe *p, struct error *e)
{
    errno = 0;
    int r = blkid_do_safeprobe(prober);
    switch (r) {
    case 0:
        p->verdict = PROBE_FOUND;
        take_values(prober, p);
        if (p->pttype)
            take_partitions(prober, p);
        return 0;
    case 1:
        take_partitions(prober, p);
        p->verdict = p->pttype ? PROBE_FOUND : PROBE_NOTHING;
        return 0;
    case -2:
        p->verdict = PROBE_AMBIVALENT;
        p->type = all_types(prober);
        return 0;
    default: /* -1, or a negative errno */
        return error_errno(e, r < -2 ? -r : EIO, "%s: cannot be read", name);
    }
}

static int probe_with(int fd, const char *name, int superblocks, int partitions, struct probe *p,
                      struct error *e)
{
    probe_free(p);
    blkid_probe prober CLEANUP(free_prober) = blkid_new_probe();
    if (!prober)
        return error_errno(e, ENOMEM, "%s: cannot be probed", name);
    errno = 0;
    if (blkid_probe_set_device(prober, fd, 0, 0) < 0)
        return error_errno(e, errno > 0 ? errno : EIO, "%s: cannot be probed", name);
    p->size = (uint64_t)blkid_probe_get_size(prober);
    (void)blkid_probe_enable_superblocks(prober, 1);
    (void)blkid_probe_set_superblocks_flags(prober, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE |
                                                        BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID |
                                                        superblocks);
    (void)blkid_probe_enable_partitions(prober, 1);
    (void)blkid_probe_set_partitions_flags(prober, partitions);
    return run(prober, name, p, e);
}

int probe_fd(int fd, const char *name, struct probe *p, struct error *e)
{
    return probe_with(fd, name, 0, 0, p, e);
}

int probe_damaged(int fd, const char *name, struct probe *p, struct error *e)
{
    return probe_with(fd, name, BLKID_SUBLKS_BADCSUM, BLKID_PARTS_FORCE_GPT, p, e);
}

/* libblkid calls a disk of a ZFS pool a filesystem, but a single disk cannot be mounted. */
bool probe_is_filesystem(const struct probe *p)
{
    return p->verdict == PROBE_FOUND && p->type && p->usage && streq(p->usage, "filesystem") &&
           !streq(p->type, "zfs_member");
}

char *probe_describe(const struct probe *p)
{
    if (p->verdict == PROBE_AMBIVALENT)
        return xasprintf("several formats at once: %s", p->type);
    if (p->verdict == PROBE_NOTHING)
        return xstrdup("nothing known");
    struct strv parts CLEANUP_STRV = {0};
    if (p->type)
        strv_pushf(&parts, probe_is_filesystem(p) ? "%s filesystem" : "%s", p->type);
    if (p->pttype)
        strv_pushf(&parts, "%s partition table", p->pttype);
    return strv_join(&parts, " and ");
}

void probe_free(struct probe *p)
{
    char *strings[] = {p->type, p->usage, p->label, p->uuid, p->pttype};
    for (size_t i = 0; i < ELEMENTS(strings); i++)
        free(strings[i]);
    for (size_t i = 0; i < p->partition_count; i++) {
        free(p->partitions[i].label);
        free(p->partitions[i].uuid);
    }
    free(p->partitions);
    *p = (struct probe){0};
}
