/* SPDX-License-Identifier: MIT */
#include "host/run/sshkey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/strv.h"
#include "host/prepare/waitlock.h"
#include "host/system/atomicfile.h"
#include "host/system/process.h"
#include "host/system/signals.h"
#include "host/system/tree.h"

#define NAME "id_ed25519"

/* The directory of the keys; the caller frees. NULL with the reason. */
static char *find_directory(struct error *e)
{
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    if (data && *data == '/')
        return xasprintf("%s/run-vm/ssh", data);
    if (home && *home == '/')
        return xasprintf("%s/.local/share/run-vm/ssh", home);
    (void)error_set(e, -ENOENT,
                    "the key for ssh: neither XDG_DATA_HOME nor HOME names a directory to keep it "
                    "in; set HOME");
    return NULL;
}

/* Makes both keys under temporary names, and gives the private one its name last: when it exists,
 * both are whole. */
static int make(const char *key, const char *public, struct error *e)
{
    char *new CLEANUP_FREE = atomicfile_temporary(key);
    char *new_public CLEANUP_FREE = xasprintf("%s.pub", new);
    const char *const words[] = {"ssh-keygen", "-q", "-t",     "ed25519", "-N",
                                 "",           "-C", "run-vm", "-f",      new};
    struct strv argv CLEANUP_STRV = {0};
    for (size_t i = 0; i < ELEMENTS(words); i++)
        strv_push(&argv, words[i]);
    const struct process keygen = {.argv = &argv, .input = -1, .output = -1};
    int r = process_run(&keygen, e);
    if (r == 0)
        r = atomicfile_commit(new_public, public, true, e);
    if (r == 0)
        r = atomicfile_commit(new, key, true, e);
    (void)unlink(new);
    (void)unlink(new_public);
    return r;
}

/* Waits some seconds for another run-vm that makes the key. */
static int lock_key(int lock, const char *directory, struct error *e)
{
    int r = -EWOULDBLOCK;
    for (int tries = 0; r == -EWOULDBLOCK && tries < 10; tries++) {
        if (signals_check(e) < 0)
            return -ECANCELED;
        r = waitlock_take(lock, LOCK_EX);
    }
    return r < 0
               ? error_errno(e, -r,
                             "%s: the key for ssh cannot be made: another run-vm may be making it",
                             directory)
               : 0;
}

/* Makes the keys unless there are some. Another run-vm waits meanwhile, for a moment. */
static int make_once(const char *directory, const char *key, struct error *e)
{
    char *public CLEANUP_FREE = xasprintf("%s.pub", key);
    int lock CLEANUP_CLOSE = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0)
        return error_errno(e, errno, "%s: the key for ssh cannot be kept there", directory);
    if (access(key, F_OK) == 0)
        return 0; /* it gets its name last */
    int r = lock_key(lock, directory, e);
    if (r < 0)
        return r;
    if (access(key, F_OK) == 0)
        return 0;
    return make(key, public, e);
}

char *sshkey_open(struct error *e)
{
    char *directory CLEANUP_FREE = find_directory(e);
    if (!directory || tree_make(directory, 0700, e) < 0)
        return NULL;
    char *key CLEANUP_FREE = xasprintf("%s/" NAME, directory);
    return make_once(directory, key, e) < 0 ? NULL : TAKE(key);
}

char *sshkey_read_public(struct error *e)
{
    char *key CLEANUP_FREE = sshkey_open(e);
    char *path CLEANUP_FREE = key ? xasprintf("%s.pub", key) : NULL;
    return path ? file_read(path, FILE_LIMIT, NULL, e) : NULL;
}
