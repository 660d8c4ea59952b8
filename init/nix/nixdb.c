/* SPDX-License-Identifier: MIT */
#include "init/nix/nixdb.h"
#include "common/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "init/nix/durable.h"
#include "init/nix/nar.h"
#include "init/nix/nixcreate.h"
#include "init/nix/nixforget.h"
#include "init/nix/nixschema.h"
#include "init/nix/nixupdate.h"
#include "init/nix/registration.h"
#include "init/nix/registrationparser.h"
#include "init/nix/storepath.h"

enum {
    /* Read in large blocks: on a share each read costs a round trip. */
    BLOCK_BYTES = 1 << 20,
    /* Size of db/reserved, which Nix deletes when a full disk prevents a garbage collection. */
    RESERVED_BYTES = 8 << 20,
    PRIVATE_MODE = 0600,
};

/* The database's files, and which of them exist. */
struct files {
    char *directory; /* owned, as the other names */
    char *database;
    char *schema;
    char *lock;
    char *reserved;
    bool has_database;
    bool has_schema;
};

static void free_files(struct files *f)
{
    free(f->directory);
    free(f->database);
    free(f->schema);
    free(f->lock);
    free(f->reserved);
}

static int read_blocks(int fd, const char *name, struct registrationparser *parser, struct error *e)
{
    char *block CLEANUP_FREE = xreallocarray(NULL, BLOCK_BYTES, 1);
    for (;;) {
        ssize_t got = read(fd, block, BLOCK_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_errno(e, errno, "%s: cannot be read", name);
        if (got == 0)
            return 0;
        int result = registrationparser_feed(parser, block, (size_t)got, e);
        if (result < 0)
            return result;
    }
}

/* Returns the store path that contains the registration, which the caller frees; NULL if none does.
 * Has it registered unless the database lists it already: hashing it takes time. */
static char *find_owner(const struct nixtarget *target, const struct files *f,
                        struct registrationparser *parser)
{
    uint8_t hash[SHA256_BYTES];
    uint64_t size;
    struct error e CLEANUP_ERROR = {0};
    char *path = target->registration_path
                     ? storepath_of(target->store_dir, target->registration_path)
                     : NULL;
    if (!path || (f->has_database && nixupdate_lists(f->database, path)))
        return path;
    char *real CLEANUP_FREE = xasprintf("%s%s", target->real_store, strrchr(path, '/'));
    if (nar_hash(real, hash, &size, &e) == 0)
        registrationparser_set_owner(parser, path, hash, size);
    else
        log_warning("%s: not registered, a garbage collection may delete it: %s", path, e.message);
    return path;
}

static int read_registration(const struct nixtarget *target, const struct files *f, int fd,
                             const char *name, struct registration *r, struct error *e)
{
    struct registrationparser *parser CLEANUP_REGISTRATIONPARSER =
        registrationparser_new(target->store_dir, name);
    int result = read_blocks(fd, name, parser, e);
    if (result < 0)
        return result;
    char *owner CLEANUP_FREE = find_owner(target, f, parser);
    return registrationparser_finish(parser, r, e);
}

/* Refuses a FIFO, whose opening would block, a device, and a dangling symlink: its target may exist
 * inside the guest's root, where a new file would replace the symlink. */
static int check_regular(const char *directory, struct error *e)
{
    static const char *const names[] = {
        "db.sqlite", "db.sqlite-journal", "db.sqlite-wal", "db.sqlite-shm", "schema", "big-lock"};
    for (size_t i = 0; i < ELEMENTS(names); i++) {
        struct stat st;
        char *name CLEANUP_FREE = xasprintf("%s/%s", directory, names[i]);
        if (lstat(name, &st) == 0 && (stat(name, &st) < 0 || !S_ISREG(st.st_mode)))
            return error_set(e, -EINVAL,
                             "%s: not a regular file; nothing was written, move it away or "
                             "register with the system's own Nix",
                             name);
    }
    return 0;
}

/* Reads db/schema and sets *there if it has a number. Returns 0, or an error for an unknown schema.
 */
static int read_schema(const char *name, bool *there, struct error *e)
{
    char text[64];
    int fd CLEANUP_CLOSE = open(name, O_RDONLY | O_CLOEXEC);
    *there = fd >= 0;
    if (fd < 0)
        return errno == ENOENT ? 0 : error_errno(e, errno, "%s: cannot be read", name);
    ssize_t got = read(fd, text, sizeof text - 1);
    if (got < 0)
        return error_errno(e, errno, "%s: cannot be read", name);
    text[got] = '\0';
    if (got > 0 && text[got - 1] == '\n') /* a second line makes the schema unknown */
        text[got - 1] = '\0';
    *there = got > 0; /* empty after power loss while Nix made the database */
    if (got == 0)
        return 0;
    bool known = streq(text, NIXSCHEMA_NUMBER);
    for (char *c = text; (c = strpbrk(c, "\n\r\t\x1b"));)
        *c = ' ';
    if (!known)
        return error_set(e, -ENOTSUP,
                         "%s: the Nix database has schema \"%s\", only " NIXSCHEMA_NUMBER
                         " is supported; nothing was written, register with the system's own Nix",
                         name, text);
    return 0;
}

static int look(const struct nixtarget *target, struct files *f, struct error *e)
{
    struct stat st;
    char *own CLEANUP_FREE = xasprintf("%s/db", target->state_dir);
    const char *directory = target->db_dir ? target->db_dir : own;
    *f = (struct files){
        .directory = xstrdup(directory),
        .database = xasprintf("%s/db.sqlite", directory),
        .schema = xasprintf("%s/schema", directory),
        .lock = xasprintf("%s/big-lock", directory),
        .reserved = xasprintf("%s/reserved", directory),
    };
    int r = check_regular(directory, e);
    if (r < 0)
        return r;
    if (stat(f->database, &st) == 0)
        f->has_database = st.st_size > 0; /* Nix creates an empty file first */
    else if (errno != ENOENT)
        return error_errno(e, errno, "%s: cannot be examined", f->database);
    return read_schema(f->schema, &f->has_schema, e);
}

/* Checks that each reference is to an entry: a new database has no other paths. */
static int check_complete(const struct registration *r, struct error *e)
{
    for (uint32_t i = 0; i < r->entry_count; i++) {
        const struct registration_entry *entry = &r->entries[i];
        for (uint32_t j = 0; j < entry->reference_count; j++) {
            uint32_t name = r->references[entry->first_reference + j];
            if (r->names[name].entry == REGISTRATION_NONE)
                return error_set(e, -EBADMSG,
                                 "%s:%u: %s, registered in line %u, refers to this path, which is "
                                 "not in the registration, and there is no database yet: %s",
                                 r->file, r->names[name].line, registration_text(r, entry->name),
                                 entry->line, registration_text(r, name));
        }
    }
    return 0;
}

/* Takes Nix's lock on the database, `operation` LOCK_SH to use it or LOCK_EX to change its schema.
 */
static int take_lock(const struct files *f, int operation, int *fd, struct error *e)
{
    *fd = open(f->lock, O_RDWR | O_CREAT | O_CLOEXEC, PRIVATE_MODE);
    if (*fd < 0)
        return error_errno(e, errno, "%s: cannot be opened", f->lock);
    if (flock(*fd, operation | LOCK_NB) < 0)
        return error_errno(e, errno == EWOULDBLOCK ? EBUSY : errno,
                           "%s: another process has locked the Nix database; end that process",
                           f->lock);
    return 0;
}

/* Makes db/reserved. Ignores errors, as Nix does: the file is only a reserve. */
static void make_reserved(const struct files *f)
{
    struct stat st;
    if (stat(f->reserved, &st) == 0)
        return;
    int fd CLEANUP_CLOSE = open(f->reserved, O_WRONLY | O_CREAT | O_CLOEXEC, PRIVATE_MODE);
    if (fd >= 0 && posix_fallocate(fd, 0, RESERVED_BYTES) != 0)
        (void)unlink(f->reserved);
}

static int create(const struct nixtarget *target, const struct files *f,
                  const struct registration *r, struct nixtarget_result *result, struct error *e)
{
    int code = check_complete(r, e);
    if (code < 0)
        return code;
    code = durable_make_directories(f->directory, e);
    if (code < 0)
        return code;
    int lock CLEANUP_CLOSE = -1;
    code = take_lock(f, LOCK_EX, &lock, e);
    if (code < 0)
        return code;
    code = nixcreate_database(f->directory, target, r, time(NULL), e);
    if (code < 0)
        return code;
    result->created = true;
    result->added = r->entry_count;
    result->references = r->reference_count;
    return 0;
}

static int update(const struct nixtarget *target, const struct files *f,
                  const struct registration *r, struct nixtarget_result *result, struct error *e)
{
    bool needed = true;
    int code = f->has_schema ? nixupdate_needed(f->database, target, r, &needed, e) : 0;
    if (code < 0 || !needed)
        return code;
    int lock CLEANUP_CLOSE = -1;
    code = take_lock(f, LOCK_SH, &lock, e);
    if (code < 0)
        return code;
    return nixupdate_apply(f->database, target, r, time(NULL), !f->has_schema, result, e);
}

/* Removes the paths that are no longer in the store. */
static int forget(const struct nixtarget *target, const struct files *f,
                  const struct registration *r, struct nixtarget_result *result, struct error *e)
{
    bool needed = false;
    int code = nixforget_needed(f->database, target, r, &needed, e);
    if (code < 0 || !needed)
        return code;
    int lock CLEANUP_CLOSE = -1;
    code = take_lock(f, LOCK_SH, &lock, e);
    if (code < 0)
        return code;
    return nixforget_apply(f->database, target, r, &result->forgotten, e);
}

static int write_registration(const struct nixtarget *target, const struct files *f,
                              const struct registration *r, struct nixtarget_result *result,
                              struct error *e)
{
    int code = (f->has_database ? update : create)(target, f, r, result, e);
    if (code < 0)
        return code;
    if (f->has_database && target->forget_missing) {
        code = forget(target, f, r, result, e);
        if (code < 0)
            return code;
    }
    return f->has_schema ? 0 : durable_write(f->schema, NIXSCHEMA_NUMBER, e);
}

int nixdb_register_fd(const struct nixtarget *given, int fd, const char *name,
                      struct nixtarget_result *result, struct error *e)
{
    struct nixtarget_result ignored;
    if (!result)
        result = &ignored;
    *result = (struct nixtarget_result){0};
    struct nixtarget target = *given;
    if (!target.store_dir)
        target.store_dir = STORE_DIR;
    struct files files CLEANUP(free_files) = {0};
    int code = look(&target, &files, e);
    if (code < 0)
        return code;
    struct registration registration CLEANUP_REGISTRATION = {0};
    code = read_registration(&target, &files, fd, name, &registration, e);
    if (code < 0)
        return code;
    result->paths = registration.entry_count;
    code = write_registration(&target, &files, &registration, result, e);
    if (code < 0)
        return code;
    if (result->created)
        make_reserved(&files);
    return 0;
}

int nixdb_register(const struct nixtarget *target, const char *registration,
                   struct nixtarget_result *result, struct error *e)
{
    int fd CLEANUP_CLOSE = open(registration, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(e, errno, "%s: the registration cannot be opened", registration);
    return nixdb_register_fd(target, fd, registration, result, e);
}
