/* SPDX-License-Identifier: MIT */
#include "host/commands/treekernel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/commands/bootentry.h"
#include "host/commands/kernelversion.h"
#include "tests/unit/scratch.h"
#include "tests/unit/unit.h"

/* Makes files below the directory "PLACE" of the scratch directory, with their parents; an argument
 * that ends with a slash is a directory, "NAME -> TARGET" a link, and "NAME = TEXT" a file. */
static void make(const char *scratch, const char *place, const char *const *files)
{
    for (size_t i = 0; files[i]; i++) {
        struct strv parts CLEANUP_STRV = {0};
        const char *arrow = strstr(files[i], " -> ");
        const char *equals = strstr(files[i], " = ");
        const char *end = arrow ? arrow : equals ? equals : files[i] + strlen(files[i]);
        char *path CLEANUP_FREE =
            xasprintf("%s/%s/%.*s", scratch, place, (int)(end - files[i]), files[i]);
        char *parent CLEANUP_FREE = xstrndup(path, (size_t)(strrchr(path, '/') - path));

        scratch_run("mkdir", "-p", parent);
        if (arrow)
            assert_int_equal(symlink(arrow + 4, path), 0);
        else if (path[strlen(path) - 1] != '/')
            scratch_write(parent, text_after_last(path, '/'), equals ? equals + 3 : "a kernel");
    }
}

struct expected {
    const char *kernel; /* below the scratch directory; NULL: none */
    const char *modules_dir;
    const char *parameters;
};

static void expect(const char *scratch, const char *what, const char *actual, const char *expected)
{
    char *path CLEANUP_FREE = expected ? xasprintf("%s/%s", scratch, expected) : NULL;

    if (!actual != !path || (path && !streq(actual, path)))
        fail_msg("%s is %s, expected %s", what, actual ? actual : "none", path ? path : "none");
}

static void expect_found(const char *scratch, const struct treekernel_request *request,
                         const struct expected *expected)
{
    struct treekernel found CLEANUP_TREEKERNEL = {0};
    struct error e CLEANUP_ERROR = {0};
    int r = treekernel_find(&found, request, &e);

    if ((r < 0) != (!request->kernel && !expected->kernel))
        fail_msg("%d: %s", r, e.message ? e.message : "no error");
    expect(scratch, "the kernel", found.kernel, expected->kernel);
    expect(scratch, "the modules", found.modules_dir, expected->modules_dir);
    char *parameters CLEANUP_FREE = strv_join(&found.parameters, " ");
    assert_string_equal(parameters, expected->parameters ? expected->parameters : "");
}

/* Looks into a tree, on a host whose running kernel is 5.10. */
static void expect_of(const char *const *tree, const char *const *host,
                      const struct expected *expected)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *tree_path CLEANUP_FREE = scratch_path(scratch, "tree");
    char *host_path CLEANUP_FREE = scratch_path(scratch, "host");
    const struct treekernel_request request = {
        .tree = tree_path, .host = host_path, .release = "5.10"};

    make(scratch, "tree", tree);
    make(scratch, "host", host);
    expect_found(scratch, &request, expected);
}

#define FILES(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static void the_newest_kernel_with_modules_is_chosen(void **state)
{
    (void)state;
    expect_of(FILES("boot/vmlinuz-6.1.0-9-amd64", "boot/vmlinuz-6.1.0-56-amd64",
                    "boot/vmlinuz-6.1.0-rc7-amd64", "lib -> usr/lib",
                    "usr/lib/modules/6.1.0-9-amd64/", "usr/lib/modules/6.1.0-56-amd64/"),
              FILES("boot/vmlinuz-5.10"),
              &(struct expected){"tree/boot/vmlinuz-6.1.0-56-amd64",
                                 "tree/usr/lib/modules/6.1.0-56-amd64", NULL});
    /* not merged; a newer kernel without its modules cannot reach the disks */
    expect_of(FILES("boot/vmlinuz-4.9", "lib/modules/4.9/", "boot/vmlinuz-4.10"), FILES("boot/"),
              &(struct expected){"tree/boot/vmlinuz-4.9", "tree/lib/modules/4.9", NULL});
    /* monolithic */
    expect_of(FILES("boot/vmlinuz-4.9", "boot/vmlinuz-4.10"), FILES("boot/"),
              &(struct expected){"tree/boot/vmlinuz-4.10", NULL, NULL});
    /* Fedora and Arch */
    expect_of(FILES("usr/lib/modules/6.9.4-200.fc40.x86_64/vmlinuz",
                    "usr/lib/modules/6.10.1-200.fc40.x86_64/vmlinuz", "boot/"),
              FILES("boot/"),
              &(struct expected){"tree/usr/lib/modules/6.10.1-200.fc40.x86_64/vmlinuz",
                                 "tree/usr/lib/modules/6.10.1-200.fc40.x86_64", NULL});
}

static void a_boot_entry_gives_parameters(void **state)
{
    (void)state;
    expect_of(FILES("boot/loader/entries/a.conf = title Debian\nversion 6.1.0-9\n"
                    "linux /vmlinuz-6.1.0-9\ninitrd /initrd\n"
                    "options root=UUID=1 ro rootflags=subvol=a a.b=\"c d\" vm.mount=x:y\n"
                    "options $tuned \"a root=/dev/vda\" mitigations=off crashkernel=1G "
                    "rd.luks.uuid=2 init=/lib/init\n",
                    "boot/loader/entries/b.conf = linux /boot/vmlinuz-6.1.0-8\noptions old\n",
                    "boot/loader/entries/notes.txt = linux /vmlinuz-6.1.0-10\n",
                    "boot/vmlinuz-6.1.0-9", "boot/vmlinuz-6.1.0-8", "boot/vmlinuz-6.1.0-10.off/",
                    "usr/lib/modules/6.1.0-9/"),
              FILES("boot/"),
              &(struct expected){"tree/boot/vmlinuz-6.1.0-9", "tree/usr/lib/modules/6.1.0-9",
                                 "a.b=\"c d\" mitigations=off init=/lib/init"});
    /* the version is in the entry only */
    expect_of(FILES("efi/loader/entries/a.conf = version\t6.6.1\nlinux  /id/6.6.1/linux \n",
                    "efi/id/6.6.1/linux", "usr/lib/modules/6.6.1/"),
              FILES("boot/"),
              &(struct expected){"tree/efi/id/6.6.1/linux", "tree/usr/lib/modules/6.6.1", NULL});
}

static void nothing_leads_out_of_the_tree(void **state)
{
    static const char *const host[] = {"boot/vmlinuz-5.10", "secret", "lib/modules/5.10/", NULL};

    (void)state;
    expect_of(FILES("boot/vmlinuz-6.1 -> ../../host/secret", "boot/vmlinuz-6.2 -> nowhere",
                    "boot/vmlinuz-6.3 -> vmlinuz-6.3", "boot/vmlinuz-6.4/",
                    "usr/lib/modules -> ../../../host/lib/modules",
                    "boot/loader/entries/a.conf = linux ../../host/secret\n",
                    "boot/loader/entries/b.conf = version ../../..\nlinux \n",
                    "boot/loader/entries/c.conf -> ../../../../host/secret"),
              host, &(struct expected){"host/boot/vmlinuz-5.10", "host/lib/modules/5.10", NULL});
    /* absolute links begin at the tree's root */
    expect_of(FILES("boot -> /usr/boot", "usr/boot/vmlinuz-6.1 -> /kernels/k", "kernels/k"), host,
              &(struct expected){"tree/kernels/k", NULL, NULL});
}

static void without_one_the_hosts_kernel_is_chosen(void **state)
{
    (void)state;
    expect_of(
        FILES("boot/"), FILES("usr/lib/modules/5.10/vmlinuz"),
        &(struct expected){"host/usr/lib/modules/5.10/vmlinuz", "host/usr/lib/modules/5.10", NULL});
    /* NixOS */
    expect_of(
        FILES("etc/"),
        FILES("run/booted-system/kernel", "run/booted-system/kernel-modules/lib/modules/5.10/"),
        &(struct expected){"host/run/booted-system/kernel",
                           "host/run/booted-system/kernel-modules/lib/modules/5.10", NULL});
    /* another kernel of the host than the running one */
    expect_of(FILES("etc/"), FILES("boot/vmlinuz-6.1"), &(struct expected){0});
}

static void a_kernel_that_is_given_has_its_modules_beside_it(void **state)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *tree CLEANUP_FREE = scratch_path(scratch, "tree");
    const struct {
        const char *kernel, *modules_dir;
    } cases[] = {
        {"a/vmlinuz-6.1", "a/lib/modules/6.1"},
        {"a/boot/vmlinuz-6.1", "a/boot/../lib/modules/6.1"},
        {"usr/lib/modules/6.3/vmlinuz-6.3", "usr/lib/modules/6.3"},
        {"a/vmlinuz-6.2", "tree/lib/modules/6.2"},
        {"a/vmlinuz-5.10", "host/lib/modules/5.10"},
        {"a/vmlinuz-5.11", NULL},
        {"a/bzImage", NULL},
    };

    (void)state;
    make(scratch, ".",
         FILES("a/boot/vmlinuz-6.1", "a/vmlinuz-6.1", "a/vmlinuz-6.2", "a/lib/modules/6.1/",
               "tree/lib/modules/6.2/", "host/lib/modules/5.10/", "a/vmlinuz-5.10", "a/bzImage",
               "usr/lib/modules/6.3/vmlinuz-6.3"));
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        char *kernel CLEANUP_FREE = scratch_path(scratch, cases[i].kernel);
        char *host CLEANUP_FREE = scratch_path(scratch, "host");
        const struct treekernel_request request = {
            .tree = tree, .kernel = kernel, .host = host, .release = "5.10"};

        expect_found(scratch, &request, &(struct expected){.modules_dir = cases[i].modules_dir});
    }
}

static void modules_that_are_given_choose_the_kernel(void **state)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *tree CLEANUP_FREE = scratch_path(scratch, "tree");
    struct treekernel_request request = {
        .tree = tree, .modules_dir = "/m/6.1/", .host = "/nowhere", .release = "5.10"};

    (void)state;
    make(scratch, "tree", FILES("boot/vmlinuz-6.1", "boot/vmlinuz-6.2", "usr/lib/modules/6.2/"));
    expect_found(scratch, &request, &(struct expected){"tree/boot/vmlinuz-6.1", NULL, NULL});
    request.modules_dir = "/m/6.3";
    expect_found(scratch, &request, &(struct expected){0});
}

static void a_failure_says_what_to_do(void **state)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    struct treekernel found CLEANUP_TREEKERNEL = {0};
    struct error e CLEANUP_ERROR = {0};
    const struct treekernel_request request = {
        .tree = scratch, .host = "/nowhere", .release = "5.10"};

    (void)state;
    assert_int_equal(treekernel_find(&found, &request, &e), -ENOENT);
    assert_error_names(e, scratch, "/boot/vmlinuz-5.10", "--kernel FILE --modules-dir DIR");
}

static void versions_are_ordered(void **state)
{
    static const char *const ordered[] = {
        "0-rescue-1a2b", "3.16.0-4-amd64", "4.9",         "4.10",          "6.1.0-rc1",
        "6.1.0-rc10",    "6.1.0",          "6.1.0-amd64", "6.1.0-9-amd64", "6.1.0-56-amd64",
        "6.1.00056.1",   "6.9.1-200.fc40", "6.10.1~git1", "6.10.1",        "6.10.1-200.fc40",
    };

    (void)state;
    for (size_t i = 0; i < ELEMENTS(ordered); i++)
        for (size_t j = 0; j < ELEMENTS(ordered); j++) {
            int order = kernelversion_compare(ordered[i], ordered[j]);

            if ((order > 0) - (order < 0) != (i > j) - (i < j))
                fail_msg("%s and %s: %d", ordered[i], ordered[j], order);
        }
}

static void the_header_has_the_version_that_the_name_lacks(void **state)
{
    char *scratch CLEANUP_SCRATCH = scratch_new();
    char *path CLEANUP_FREE = scratch_path(scratch, "linux");
    char image[0x400] = {0};
    FILE *file;

    (void)state;
    memcpy(image + 0x202, "HdrS", 4);
    image[0x20e] = 0x10; /* at 0x210, after the header's first bytes */
    strcpy(image + 0x210, "6.6.1-arch1-1 (builder@host) #1");
    file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(image, 1, sizeof image, file), sizeof image);
    assert_int_equal(fclose(file), 0);
    char *version CLEANUP_FREE = kernelversion_of("vmlinuz-linux", path);
    assert_string_equal(version, "6.6.1-arch1-1");
    char *named CLEANUP_FREE = kernelversion_of("vmlinuz-5.4", path);
    assert_string_equal(named, "5.4");
    assert_null(kernelversion_of("linux", scratch));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_kernel_with_modules_is_chosen),
        cmocka_unit_test(a_boot_entry_gives_parameters),
        cmocka_unit_test(nothing_leads_out_of_the_tree),
        cmocka_unit_test(without_one_the_hosts_kernel_is_chosen),
        cmocka_unit_test(a_kernel_that_is_given_has_its_modules_beside_it),
        cmocka_unit_test(modules_that_are_given_choose_the_kernel),
        cmocka_unit_test(a_failure_says_what_to_do),
        cmocka_unit_test(versions_are_ordered),
        cmocka_unit_test(the_header_has_the_version_that_the_name_lacks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
