/* SPDX-License-Identifier: MIT */
/* The host name and the name server in a root, a directory that a process of its own has made "/".
 */
#include "init/stage2/rootnetwork.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/text.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

#define SERVER  "10.0.2.3"
#define WRITTEN "# written by run-vm for QEMU's user network\nnameserver " SERVER "\n"

/* The kernel does not allow such processes to this user. */
#define IMPOSSIBLE 77

static bool tell_kernel(const char *path, const char *text)
{
    int fd CLEANUP_CLOSE = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* Makes the directory "/", with a tmpfs on /run; the caller is root in it. */
static bool enter(const char *directory)
{
    uid_t user = geteuid();
    char *users CLEANUP_FREE = xasprintf("0 %u 1", user);
    char *groups CLEANUP_FREE = xasprintf("0 %u 1", getegid());
    if (unshare(CLONE_NEWNS | CLONE_NEWUTS | (user ? CLONE_NEWUSER : 0)) < 0)
        return false;
    if (user &&
        !(tell_kernel("/proc/self/setgroups", "deny") && tell_kernel("/proc/self/uid_map", users) &&
          tell_kernel("/proc/self/gid_map", groups)))
        return false;
    return mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 && chroot(directory) == 0 &&
           chdir("/") == 0 && mount("run", "/run", "tmpfs", 0, NULL) == 0;
}

struct root {
    const char *resolv_conf; /* the text of the file, or after "->" of the link; NULL: neither */
    const char *other;       /* another file of the root that holds "other"; NULL */
    bool replaceable;
    const char *seen;  /* the path at which the name server is read in the guest; NULL: nowhere */
    const char *after; /* the text of resolv_conf on the disk afterwards; NULL: as before */
    const char *also;  /* a file that is written, too; NULL */
};

static bool is_written(const char *path)
{
    char *text CLEANUP_FREE = file_read(path, FILE_LIMIT, NULL, NULL);
    return text && streq(text, WRITTEN);
}

/* In the root. Returns 0, or the number of what is wrong. */
static int set_dns(const struct root *root)
{
    struct in_addr dns;
    (void)inet_pton(AF_INET, SERVER, &dns);
    rootnetwork_set_dns(dns, root->replaceable);
    if (is_written("/etc/resolv.conf") != (root->seen != NULL))
        return 1;
    if (root->seen && !is_written(root->seen))
        return 2;
    return root->also && access(root->also, F_OK) < 0 ? 3 : 0;
}

static void make_root(const char *directory, const struct root *root)
{
    static const char *const directories[] = {"etc", "run", "usr"};
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
        char *path CLEANUP_FREE = scratch_path(directory, directories[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    char *path CLEANUP_FREE = scratch_path(directory, "etc/resolv.conf");
    const char *link = root->resolv_conf ? startswith(root->resolv_conf, "->") : NULL;
    if (link)
        assert_int_equal(symlink(link, path), 0);
    else if (root->resolv_conf)
        scratch_write(directory, "etc/resolv.conf", root->resolv_conf);
    if (root->other)
        scratch_write(directory, root->other, "other");
}

/* The root as it was, seen from outside. */
static void check_root(const char *directory, const struct root *root)
{
    char *path CLEANUP_FREE = scratch_path(directory, "etc/resolv.conf");
    char *text CLEANUP_FREE = scratch_read(directory, "etc/resolv.conf");
    char target[PATH_MAX] = "->";
    ssize_t length = readlink(path, target + 2, sizeof target - 3);
    const char *now = length >= 0 ? target : text;
    const char *expected = root->after ? root->after : root->resolv_conf;
    if (!expected)
        assert_null(now);
    else
        assert_string_equal(now, expected);
    if (root->other && !root->replaceable) {
        char *other CLEANUP_FREE = scratch_read(directory, root->other);
        assert_string_equal(other, "other");
    }
}

static void check_case(size_t number, const struct root *root)
{
    char *directory CLEANUP(scratch_free) = scratch_new();
    int status = 0;
    make_root(directory, root);
    pid_t child = fork();
    if (child == 0)
        _exit(enter(directory) ? set_dns(root) : IMPOSSIBLE);
    assert_int_equal(waitpid(child, &status, 0), child);
    int wrong = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (wrong == IMPOSSIBLE)
        skip();
    if (wrong)
        fail_msg("case %zu: wrong: %d", number, wrong);
    check_root(directory, root);
}

static void a_name_server_is_set_and_a_lasting_root_stays_as_it_was(void **state)
{
    (void)state;
    static const char resolved[] = "->../run/systemd/resolve/stub-resolv.conf";
    static const struct root cases[] = {
        {"old", NULL, false, "/etc/resolv.conf", NULL, "/run/run-vm/resolv.conf"},
        {"old", NULL, true, "/etc/resolv.conf", WRITTEN, NULL},
        {NULL, NULL, false, NULL, NULL, NULL},
        {NULL, NULL, true, "/etc/resolv.conf", WRITTEN, NULL},
        {resolved, NULL, false, "/run/systemd/resolve/stub-resolv.conf", NULL,
         "/run/systemd/resolved.conf.d/run-vm.conf"},
        {"->/run/resolvconf/resolv.conf", NULL, false, "/run/resolvconf/resolv.conf", NULL, NULL},
        {"->/run/../usr/./mine", "usr/mine", false, "/usr/mine", NULL, "/run/run-vm/resolv.conf"},
        {"->../usr/mine", "usr/mine", true, "/usr/mine", NULL, NULL},
        {"->../usr/nowhere", NULL, false, NULL, NULL, NULL},
        {"->resolv.conf", NULL, false, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(i, &cases[i]);
}

static int name_is(const char *expected)
{
    char name[256] = "";
    return gethostname(name, sizeof name - 1) == 0 && streq(name, expected) ? 0 : 1;
}

static void the_roots_own_host_name_wins(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        const char *name;
    } cases[] = {
        {NULL, "given"},
        {"own\n", "own"},
        {"# a comment\n\n  own  \n", "own"},
        {"#\n", "given"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *directory CLEANUP(scratch_free) = scratch_new();
        const struct root none = {0};
        int status = 0;
        make_root(directory, &none);
        if (cases[i].file)
            scratch_write(directory, "etc/hostname", cases[i].file);
        pid_t child = fork();
        if (child == 0 && !enter(directory))
            _exit(IMPOSSIBLE);
        if (child == 0) {
            rootnetwork_set_name("given");
            _exit(name_is(cases[i].name));
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status) && WEXITSTATUS(status) == IMPOSSIBLE)
            skip();
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_server_is_set_and_a_lasting_root_stays_as_it_was),
        cmocka_unit_test(the_roots_own_host_name_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
