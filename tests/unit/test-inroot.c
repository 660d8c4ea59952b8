/* SPDX-License-Identifier: MIT */
/* The code that works inside a new root (inroot, overlay, prepareroot, stage2, initramfs), on a
 * directory made for the test. */
#include "init/inroot.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "init/mount/overlay.h"
#include "init/stage2/initramfs.h"
#include "init/stage2/prepareroot.h"
#include "init/stage2/stage2.h"
#include "tests/unit/unit.h"

struct place {
    char path[64];
    int fd; /* of path/root */
};

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *at)
{
    (void)s;
    (void)type;
    (void)at;
    return remove(path);
}

static int make_place(void **state)
{
    struct place *place = xcalloc(1, sizeof *place);
    (void)strcpy(place->path, "/tmp/run-vm-inroot-XXXXXX");
    assert_non_null(mkdtemp(place->path));
    int fd = open(place->path, O_PATH);
    assert_int_equal(mkdirat(fd, "root", 0755), 0);
    assert_int_equal(mkdirat(fd, "outside", 0755), 0);
    place->fd = openat(fd, "root", O_PATH);
    (void)close(fd);
    assert_true(place->fd >= 0);
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    (void)close(place->fd);
    (void)nftw(place->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(place);
    return 0;
}

static char *read_at(int at, const char *path)
{
    static char text[256];
    int fd = openat(at, path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    (void)close(fd);
    text[n < 0 ? 0 : n] = '\0';
    return n < 0 ? NULL : text;
}

static void write_at(int at, const char *path, const char *text, mode_t mode)
{
    int fd = openat(at, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

static mode_t mode_at(int at, const char *path)
{
    struct stat s;
    return fstatat(at, path, &s, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : s.st_mode;
}

static void links_lead_inside_the_root(void **state)
{
    struct place *place = *state;
    assert_int_equal(mkdirat(place->fd, "real", 0755), 0);
    assert_int_equal(symlinkat("/real", place->fd, "absolute"), 0);
    assert_int_equal(symlinkat("../../../../real", place->fd, "upwards"), 0);
    static const char *const paths[] = {"/absolute/file", "/upwards/file"};
    write_at(place->fd, "real/file", "inside", 0644);
    for (size_t i = 0; i < ELEMENTS(paths); i++) {
        int fd = inroot_open(place->fd, paths[i], O_RDONLY, 0);
        assert_true(fd >= 0);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        (void)close(fd);
    }
    assert_int_equal(inroot_open(place->fd, "/absolute/none", O_RDONLY, 0), -ENOENT);
}

static void directories_are_made_where_links_lead(void **state)
{
    struct place *place = *state;
    assert_int_equal(mkdirat(place->fd, "data", 0755), 0);
    assert_int_equal(symlinkat("/data", place->fd, "var"), 0);
    int fd = inroot_make_directory(place->fd, "/var/lib/nixos", 0755);
    assert_true(fd >= 0);
    char *path CLEANUP_FREE = inroot_path(fd);
    char *expected CLEANUP_FREE = xasprintf("%s/root/data/lib/nixos", place->path);
    assert_string_equal(path, expected);
    (void)close(fd);
    fd = inroot_make_directory(place->fd, "/", 0755);
    assert_true(fd >= 0);
    (void)close(fd);

    write_at(place->fd, "file", "", 0644);
    assert_int_equal(inroot_make_directory(place->fd, "/file/below", 0755), -ENOTDIR);
    assert_int_equal(symlinkat("/nowhere", place->fd, "dangling"), 0);
    assert_int_equal(inroot_make_directory(place->fd, "/dangling", 0755), -ENOENT);
}

static void a_file_that_is_there_is_kept(void **state)
{
    struct place *place = *state;
    int fd = inroot_make_file(place->fd, "/etc/deep/file", 0644);
    assert_true(fd >= 0);
    (void)close(fd);
    write_at(place->fd, "etc/deep/file", "kept", 0644);
    fd = inroot_make_file(place->fd, "/etc/deep/file", 0644);
    assert_true(fd >= 0);
    (void)close(fd);
    assert_string_equal(read_at(place->fd, "etc/deep/file"), "kept");
}

static void the_root_gets_what_stage_2_expects(void **state)
{
    struct place *place = *state;
    prepareroot_make_files(place->fd, "/bin/sh"); /* another distribution's root */
    assert_int_equal(faccessat(place->fd, "etc/NIXOS", F_OK, 0), -1);
    assert_int_equal(mode_at(place->fd, "tmp"), S_IFDIR | 01777);
    assert_int_equal(mode_at(place->fd, "boot"), S_IFDIR | 0755);

    assert_int_equal(mkdirat(place->fd, "nix", 0755), 0);
    assert_int_equal(mkdirat(place->fd, "nix/store", 0755), 0);
    prepareroot_make_files(place->fd, NULL);
    assert_int_equal(faccessat(place->fd, "etc/NIXOS", F_OK, 0), -1);
    prepareroot_make_files(place->fd, "/nix/store/system/init");
    assert_string_equal(read_at(place->fd, "etc/NIXOS"), "");

    write_at(place->fd, "etc/NIXOS", "the user's", 0644);
    prepareroot_make_files(place->fd, "/nix/store/system/init");
    assert_string_equal(read_at(place->fd, "etc/NIXOS"), "the user's");
}

static struct plan_mount overlay_mount(const char *where)
{
    struct plan_mount mount = {
        .source = PLAN_OVERLAY,
        .where = (char *)where,
        .layers = {.upper = (char *)"/rw/a,b/store", .work = (char *)"/rw/a,b/work"},
        .options = {.data = (char *)"index=off"}};
    strv_push(&mount.layers.lower, "/low:er");
    return mount;
}

static void an_overlays_layers_are_made_and_escaped(void **state)
{
    struct place *place = *state;
    struct error e CLEANUP_ERROR = {0};
    struct plan_mount mount = overlay_mount("/nix/store");
    assert_null(overlay_data(&mount, place->fd, &e));
    assert_error_names(e, "/low:er", "No such file");

    assert_int_equal(mkdirat(place->fd, "low:er", 0755), 0);
    char *data CLEANUP_FREE = overlay_data(&mount, place->fd, &e);
    char *expected CLEANUP_FREE =
        xasprintf("lowerdir=%s/root/low\\:er,upperdir=%s/root/rw/a\\,b/store,"
                  "workdir=%s/root/rw/a\\,b/work,index=off",
                  place->path, place->path, place->path);
    assert_string_equal(data, expected);
    assert_int_equal(mode_at(place->fd, "rw/a,b/store"), S_IFDIR | 0755);
    assert_int_equal(mode_at(place->fd, "rw/a,b/work"), S_IFDIR | 0755);
    strv_free(&mount.layers.lower);
}

static void stage_2_is_found_inside_the_root(void **state)
{
    struct place *place = *state;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(mkdirat(place->fd, "system", 0755), 0);
    write_at(place->fd, "system/real", "#!", 0755);
    assert_int_equal(symlinkat("/system/real", place->fd, "system/init"), 0);
    char *found CLEANUP_FREE = stage2_find(place->fd, "/system/init", &e);
    assert_string_equal(found, "/system/init");

    write_at(place->fd, "system/plain", "", 0644);
    /* there on the machine that runs the test, not in the root */
    static const char *const wrong[] = {"/system/none", "/system", "/system/plain", "/bin/sh",
                                        "relative"};
    for (size_t i = 0; i < ELEMENTS(wrong); i++) {
        assert_null(stage2_find(place->fd, wrong[i], &e));
        assert_error_names(e, "init=", wrong[i]);
    }
}

static void without_init_stage_2_has_two_places(void **state)
{
    struct place *place = *state;
    struct error e CLEANUP_ERROR = {0};
    assert_null(stage2_find(place->fd, NULL, &e));
    assert_error_names(e, "/init", "/sbin/init");
    assert_int_equal(mkdirat(place->fd, "sbin", 0755), 0);
    write_at(place->fd, "sbin/init", "", 0755);
    char *second CLEANUP_FREE = stage2_find(place->fd, NULL, &e);
    assert_string_equal(second, "/sbin/init");
    write_at(place->fd, "init", "", 0755);
    char *first CLEANUP_FREE = stage2_find(place->fd, NULL, &e);
    assert_string_equal(first, "/init");
}

static void deleting_follows_no_link(void **state)
{
    struct place *place = *state;
    char *outside CLEANUP_FREE = xasprintf("%s/outside", place->path);
    char *kept CLEANUP_FREE = xasprintf("%s/kept", outside);
    write_at(AT_FDCWD, kept, "kept", 0644);
    assert_int_equal(symlinkat(outside, place->fd, "link"), 0);
    for (int i = 0; i < 300; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "d%d", i);
        assert_int_equal(mkdirat(place->fd, name, 0755), 0);
        (void)snprintf(name, sizeof name, "d%d/file", i);
        write_at(place->fd, name, "gone", 0644);
    }
    int fd = openat(place->fd, ".", O_RDONLY | O_DIRECTORY);
    initramfs_delete(fd);
    (void)close(fd);
    assert_int_equal(mode_at(place->fd, "link"), 0);
    assert_int_equal(mode_at(place->fd, "d299"), 0);
    char *root CLEANUP_FREE = xasprintf("%s/root", place->path);
    assert_int_equal(rmdir(root), 0); /* nothing is left in it */
    assert_string_equal(read_at(AT_FDCWD, kept), "kept");
}

static void only_pid_1_deletes_an_initramfs(void **state)
{
    struct place *place = *state;
    struct error e CLEANUP_ERROR = {0};
    assert_int_equal(initramfs_check(place->fd, place->fd, &e), -EPERM);
    assert_error_names(e, "PID 1");
}

/* `number` 0: nothing behind the text. */
static bool tell_kernel(const char *file, const char *before, unsigned number)
{
    char *text CLEANUP_FREE = number ? xasprintf("%s %u 1", before, number) : xstrdup(before);
    int fd CLEANUP_CLOSE = open(file, O_WRONLY | O_CLOEXEC);
    return write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* Enters mount and process namespaces; a user who is not root becomes root in them. */
static bool isolate(void)
{
    uid_t user = geteuid();
    gid_t group = getegid();
    if (unshare(CLONE_NEWNS | CLONE_NEWPID | (user ? CLONE_NEWUSER : 0)) < 0)
        return false;
    if (user && !(tell_kernel("/proc/self/setgroups", "deny", 0) &&
                  tell_kernel("/proc/self/uid_map", "0", user) &&
                  tell_kernel("/proc/self/gid_map", "0", group)))
        return false;
    return mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0;
}

/* Runs the function as PID 1 with mounts of its own. Returns its result; 99 if the kernel does not
 * allow that. */
static int run_as_init(int (*run)(const struct place *place), const struct place *place)
{
    pid_t outer = fork();
    int status = 0;
    if (outer == 0) {
        pid_t inner = isolate() ? fork() : -1;
        if (inner == 0)
            _exit(run(place));
        _exit(inner > 0 && waitpid(inner, &status, 0) == inner && WIFEXITED(status)
                  ? WEXITSTATUS(status)
                  : 99);
    }
    assert_int_equal(waitpid(outer, &status, 0), outer);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static int delete_around_a_mount(const struct place *place)
{
    if (mkdirat(place->fd, "gone", 0755) < 0 || mkdirat(place->fd, "mounted", 0755) < 0)
        return 1;
    char *mounted CLEANUP_FREE = xasprintf("%s/root/mounted", place->path);
    char *kept CLEANUP_FREE = xasprintf("%s/kept", mounted);
    if (mount("tmpfs", mounted, "tmpfs", 0, NULL) < 0)
        return 2;
    write_at(AT_FDCWD, kept, "kept", 0644);
    /* by its path: place->fd is in the mount namespace that was left */
    char *root CLEANUP_FREE = xasprintf("%s/root", place->path);
    int fd CLEANUP_CLOSE = open(root, O_RDONLY | O_DIRECTORY);
    initramfs_delete(fd);
    const char *text = read_at(AT_FDCWD, kept);
    if (!text || !streq(text, "kept"))
        return 3;
    return faccessat(place->fd, "gone", F_OK, 0) < 0 ? 0 : 4;
}

static void what_is_mounted_in_the_initramfs_is_left_alone(void **state)
{
    assert_int_equal(run_as_init(delete_around_a_mount, *state), 0);
}

/* PID 1 empties neither another filesystem nor the one of the new root. */
static int check_others(const struct place *place)
{
    struct error e CLEANUP_ERROR = {0};
    char *root CLEANUP_FREE = xasprintf("%s/root", place->path);
    int other CLEANUP_CLOSE = open("/proc", O_RDONLY | O_DIRECTORY);
    if (initramfs_check(other, place->fd, &e) != -EPERM || !strstr(e.message, "not an initramfs"))
        return 1;
    if (mount("tmpfs", root, "tmpfs", 0, NULL) < 0)
        return 2;
    int memory CLEANUP_CLOSE = open(root, O_RDONLY | O_DIRECTORY);
    if (initramfs_check(memory, memory, &e) != -EPERM || !strstr(e.message, "of the initramfs"))
        return 3;
    return initramfs_check(memory, place->fd, &e) == 0 ? 0 : 4;
}

static void only_an_initramfs_is_deleted(void **state)
{
    assert_int_equal(run_as_init(check_others, *state), 0);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(links_lead_inside_the_root),
        IN_PLACE(directories_are_made_where_links_lead),
        IN_PLACE(a_file_that_is_there_is_kept),
        IN_PLACE(the_root_gets_what_stage_2_expects),
        IN_PLACE(an_overlays_layers_are_made_and_escaped),
        IN_PLACE(stage_2_is_found_inside_the_root),
        IN_PLACE(without_init_stage_2_has_two_places),
        IN_PLACE(deleting_follows_no_link),
        IN_PLACE(only_pid_1_deletes_an_initramfs),
        IN_PLACE(what_is_mounted_in_the_initramfs_is_left_alone),
        IN_PLACE(only_an_initramfs_is_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
