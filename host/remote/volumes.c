/* SPDX-License-Identifier: MIT */
#include "host/remote/volumes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "base/units.h"
#include "host/system/filedigest.h"
#include "host/system/process.h"

int volumes_name_contents(struct volume *volume, const char *prefix, const char *file,
                          struct error *e)
{
    char *digest CLEANUP_FREE = filedigest(file, &volume->bytes, e);

    if (!digest)
        return -EIO;
    volume->name = xasprintf("%s-%s", prefix, digest);
    volume->file = xstrdup(file);
    return 0;
}

/* --- the pool --- */

/* Returns the directory of a new pool, absolute; the caller frees. NULL with the reason. */
static char *choose_directory(const struct virsh *virsh, struct error *e)
{
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");

    if (!virsh->is_session)
        return xstrdup("/var/lib/libvirt/images/" VOLUMES_POOL);
    if (virsh->is_local && data && data[0] == '/')
        return xasprintf("%s/libvirt/images/" VOLUMES_POOL, data);
    if (virsh->is_local && home && home[0] == '/')
        return xasprintf("%s/.local/share/libvirt/images/" VOLUMES_POOL, home);
    (void)error_set(e, -EINVAL,
                    "%s: has no storage pool \"" VOLUMES_POOL "\", and run-vm does not know the "
                    "home directory there; make one: virsh --connect %s pool-create-as "
                    "--build " VOLUMES_POOL " dir --target DIRECTORY",
                    virsh->uri, virsh->word);
    return NULL;
}

/* True if the pool is one that run-vm has defined, and perhaps could not make. */
static bool is_own(const struct virsh *virsh)
{
    char *directory CLEANUP_FREE = choose_directory(virsh, NULL);
    char *path CLEANUP_FREE = directory ? xasprintf("<path>%s</path>", directory) : NULL;
    char *pool CLEANUP_FREE = virsh_ask(virsh, "pool-dumpxml", VOLUMES_POOL, NULL);

    return pool && path && startswith(pool, "<pool type='dir'>") && strstr(pool, path);
}

static int define_pool(const struct virsh *virsh, struct error *e)
{
    char *directory CLEANUP_FREE = choose_directory(virsh, e);

    if (!directory)
        return -EINVAL;
    log_info("%s: making the storage pool " VOLUMES_POOL " in %s", virsh->uri, directory);
    char *defined CLEANUP_FREE =
        virsh_call(virsh, e, "pool-define-as", VOLUMES_POOL, "dir", "--target", directory, NULL);
    return defined ? 0 : -EPROTO;
}

/* Makes the pool's directory, unless it is there, and lets the pool start with its host. */
static int build_pool(const struct virsh *virsh, struct error *e)
{
    char *built CLEANUP_FREE = virsh_call(virsh, e, "pool-build", VOLUMES_POOL, NULL);
    char *lasting CLEANUP_FREE =
        built ? virsh_call(virsh, e, "pool-autostart", VOLUMES_POOL, NULL) : NULL;

    return lasting ? 0 : -EPROTO;
}

/* Finds the pool, makes it if there is none, and starts it. Returns 0, or a negative errno with the
 * reason. */
static int open_pool(const struct virsh *virsh, struct error *e)
{
    char *all CLEANUP_FREE = virsh_call(virsh, e, "pool-list", "--all", "--name", NULL);

    if (!all || (!virsh_lists(all, VOLUMES_POOL) && define_pool(virsh, e) < 0))
        return -EPROTO;
    if (is_own(virsh) && build_pool(virsh, e) < 0)
        return -EPROTO;
    char *started CLEANUP_FREE = virsh_call(virsh, e, "pool-start", VOLUMES_POOL, NULL);
    return started ? 0 : -EPROTO;
}

/* --- volumes --- */

/* Notes what libvirt says of a volume: nothing, if it is not there. */
static void read_facts(struct volume *volume, const char *output)
{
    char *record CLEANUP_FREE = virsh_record(output, volume->name);
    char *size CLEANUP_FREE = record ? virsh_field(record, "Capacity") : NULL;
    const char *path = record ? strstr(record, "\n/") : NULL;

    if (!size || !path)
        return;
    free(volume->path);
    volume->path = xstrndup(path + 1, strcspn(path + 1, "\n"));
    volume->size = strtoull(size, NULL, 10);
}

/* Looks for the pool, and for volumes in it, by one call. Returns 1 if the pool is active, 0 if
 * not, or a negative errno with the reason. */
static int look(const struct virsh *virsh, struct volume *const *volumes, size_t count,
                struct error *e)
{
    struct strv commands CLEANUP_STRV = {0};

    strv_push(&commands, "pool-info " VOLUMES_POOL);
    for (size_t i = 0; i < count; i++)
        strv_pushf(&commands, "vol-info --bytes --pool %1$s %2$s; vol-path --pool %1$s %2$s",
                   VOLUMES_POOL, volumes[i]->name);
    strv_push(&commands, "uri"); /* the last decides: it fails only without a connection */
    char *joined CLEANUP_FREE = strv_join(&commands, "; ");
    char *output CLEANUP_FREE = virsh_ask(virsh, joined, NULL);
    char *state CLEANUP_FREE = output ? virsh_field(output, "State") : NULL;

    if (!output) {
        (void)error_set(e, -EPROTO, "%s: no longer answers", virsh->uri);
        return error_status(e, -EPROTO, STATUS_UNAVAILABLE);
    }
    for (size_t i = 0; i < count; i++)
        read_facts(volumes[i], output);
    return state && streq(state, "running");
}

static bool is_whole(const struct volume *volume)
{
    return volume->path && (!volume->file || volume->size == volume->bytes);
}

static int create(const struct virsh *virsh, const struct volume *volume, struct error *e)
{
    char *bytes CLEANUP_FREE = xasprintf("%" PRIu64, volume->file ? 0 : volume->bytes);
    char *created CLEANUP_FREE =
        virsh_call(virsh, e, "vol-create-as", VOLUMES_POOL, volume->name, bytes, "--format",
                   volume->file ? "raw" : "qcow2", NULL);

    return created ? 0 : -EPROTO;
}

static int upload(const struct virsh *virsh, const struct volume *volume, struct error *e)
{
    log_info("%s: uploading %s (%" PRIu64 " MiB)", virsh->uri, volume->name,
             (volume->bytes + MIB - 1) / MIB);
    char *uploaded CLEANUP_FREE = virsh_call(virsh, e, "vol-upload", "--sparse", "--pool",
                                             VOLUMES_POOL, volume->name, volume->file, NULL);
    return uploaded ? 0 : -EPROTO;
}

/* Makes the volumes that are not whole. Returns how many, or a negative errno with the reason. */
static int complete(const struct virsh *virsh, struct volume *const *volumes, size_t count,
                    struct error *e)
{
    int made = 0;

    for (size_t i = 0; i < count; i++) {
        const struct volume *volume = volumes[i];

        if (is_whole(volume))
            continue;
        int r = volume->path ? 0 : create(virsh, volume, e);
        if (r == 0 && volume->file)
            r = upload(virsh, volume, e);
        if (r < 0)
            return r;
        made++;
    }
    return made;
}

int volumes_provide(const struct virsh *virsh, struct volume *const *volumes, size_t count,
                    struct error *e)
{
    int r = look(virsh, volumes, count, e);

    if (r == 0) {
        r = open_pool(virsh, e);
        if (r == 0)
            r = look(virsh, volumes, count, e);
    }
    if (r >= 0)
        r = complete(virsh, volumes, count, e);
    if (r > 0)
        r = look(virsh, volumes, count, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++)
        if (!is_whole(volumes[i]))
            return error_set(e, -EIO,
                             "%s: %s: is not whole after its upload; is the disk there full?",
                             virsh->uri, volumes[i]->name);
    return 0;
}

void volumes_free(struct volume *volume)
{
    free(volume->name);
    free(volume->file);
    free(volume->path);
    *volume = (struct volume){0};
}
