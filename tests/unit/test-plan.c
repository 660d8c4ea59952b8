/* SPDX-License-Identifier: MIT */
#include "init/plan/build.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "base/alloc.h"
#include "base/log.h"
#include "tests/unit/unit.h"

/* The plan that a kernel command line leads to, or the error. */
static int plan_from(struct boot_plan *plan, const char *line, struct error *e)
{
    struct cmdline words CLEANUP_CMDLINE = {0};
    struct guest_params params CLEANUP_GUEST_PARAMS;
    guest_params_init(&params);
    cmdline_parse(&words, line);
    *plan = (struct boot_plan){0};
    int r = guest_params_parse(&params, &words, e);
    return r < 0 ? r : build_boot_plan(plan, &params, e);
}

/* Prints a line for each mount: "WHAT WHERE FSTYPE DATA", with "-" for a missing field. */
static char *text_of(const struct boot_plan *plan)
{
    struct strv lines CLEANUP_STRV = {0};
    for (size_t i = 0; i < plan->count; i++) {
        const struct plan_mount *m = &plan->mounts[i];
        strv_pushf(&lines, "%s %s%s %s %s%s", m->what, m->outside ? "outside:" : "", m->where,
                   m->fstype ? m->fstype : "-", m->options.flags & MS_RDONLY ? "ro:" : "",
                   *m->options.data ? m->options.data : "-");
    }
    return strv_join(&lines, "\n");
}

static void assert_plan(const char *line, const char *expected)
{
    struct boot_plan plan CLEANUP_BOOT_PLAN;
    struct error e CLEANUP_ERROR = {0};
    if (plan_from(&plan, line, &e) < 0)
        fail_msg("%s: %s", line, e.message);
    char *text CLEANUP_FREE = text_of(&plan);
    assert_string_equal(text, expected);
}

#define assert_no_plan(line, ...)                                                                  \
    do {                                                                                           \
        struct boot_plan plan_ CLEANUP_BOOT_PLAN;                                                  \
        struct error e_ CLEANUP_ERROR = {0};                                                       \
        assert_int_equal(plan_from(&plan_, line, &e_), -EINVAL);                                   \
        assert_error_names(e_, __VA_ARGS__);                                                       \
    } while (0)

static void the_root_has_each_of_its_forms(void **state)
{
    (void)state;
    assert_plan("root=/dev/vda", "/dev/vda / - -");
    assert_plan("root=/dev/vda rootfstype=ext4 ro", "/dev/vda / ext4 ro:-");
    assert_plan("root=/dev/vda rootfstype=auto", "/dev/vda / - -");
    assert_plan("root=/dev/vda rootflags=noatime,data=journal", "/dev/vda / - data=journal");
    assert_plan("root=/dev/vda rootflags=ro", "/dev/vda / - ro:-");
    assert_plan("root=LABEL=nixos", "LABEL=nixos / - -");
    assert_plan("root=\"UUID=0000-1111\"", "UUID=0000-1111 / - -");
    assert_plan("root=PARTLABEL=a root=PARTUUID=b", "PARTUUID=b / - -");
    assert_plan("root=tmpfs", "tmpfs / tmpfs mode=755");
    assert_plan("root=tmpfs rootflags=mode=700,size=1g", "tmpfs / tmpfs mode=755,mode=700,size=1g");
    assert_plan("root=rootshare", "rootshare / 9p trans=virtio,version=9p2000.L,msize=131072");
    assert_plan("root=rootshare rootfstype=9p rootflags=cache=loose vm.msize=512000",
                "rootshare / 9p trans=virtio,version=9p2000.L,msize=512000,cache=loose");
    assert_plan("root=rootshare rootfstype=virtiofs ro", "rootshare / virtiofs ro:-");
    assert_no_plan("quiet", "root=");
}

static char warned[256]; /* the last message */

static void keep_message(enum log_level level, const char *message)
{
    assert_int_equal(level, LOG_LEVEL_WARNING);
    (void)snprintf(warned, sizeof warned, "%s", message);
}

static void a_disk_is_named_only_for_a_label_that_a_blank_one_is_to_get(void **state)
{
    static const struct {
        const char *line;
        const char *disk;    /* NULL: the option is ignored */
        const char *message; /* NULL: nothing is said */
    } cases[] = {
        {"root=LABEL=nixos rootflags=x-systemd.makefs,x-run-vm.disk=/dev/vda", "/dev/vda", NULL},
        {"root=/dev/disk/by-label/x rootflags=x-run-vm.disk=/dev/disk/by-id/virtio-root,"
         "x-systemd.makefs",
         "/dev/disk/by-id/virtio-root", NULL},
        {"root=LABEL=nixos rootflags=x-run-vm.disk=/dev/vda", NULL,
         "x-run-vm.disk=/dev/vda has no effect on LABEL=nixos"},
        {"root=LABEL=nixos rootflags=x-systemd.makefs,x-run-vm.disk=/dev/vda root=/dev/vdb", NULL,
         "x-run-vm.disk=/dev/vda has no effect on /dev/vdb: expected a device named by its label"},
        {"root=UUID=1 rootflags=x-systemd.makefs,x-run-vm.disk=/dev/vda", NULL, "on UUID=1"},
        {"root=tmpfs rootflags=x-systemd.makefs,x-run-vm.disk=/dev/vda", NULL, "on tmpfs"},
        {"root=tag rootflags=x-systemd.makefs,x-run-vm.disk=vda", NULL, "on tag"},
    };
    (void)state;
    log_set_sink(keep_message);
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        struct boot_plan plan CLEANUP_BOOT_PLAN;
        struct error e CLEANUP_ERROR = {0};
        *warned = '\0';
        if (plan_from(&plan, cases[i].line, &e) < 0)
            fail_msg("%s: %s", cases[i].line, e.message);
        const char *disk = plan.mounts[0].options.disk;
        assert_string_equal(disk ? disk : "none", cases[i].disk ? cases[i].disk : "none");
        if (cases[i].message ? !strstr(warned, cases[i].message) : *warned)
            fail_msg("%s: %s", cases[i].line, warned);
    }
    assert_no_plan("root=LABEL=a rootflags=x-systemd.makefs,x-run-vm.disk=vda", "x-run-vm.disk",
                   "vda", "not a block device");
}

static void a_root_overlay_keeps_the_root_unwritten(void **state)
{
    (void)state;
    assert_plan("root=/dev/vda rootfstype=ext4 vm.root.overlay=tmpfs",
                "/dev/vda outside:/.root-lower ext4 ro:-\n"
                "tmpfs outside:/.root-upper tmpfs mode=0755\n"
                "overlay / overlay -");
    assert_plan("root=share vm.root.overlay=tmpfs vm.mount=tmpfs:/x:tmpfs",
                "share outside:/.root-lower 9p "
                "ro:trans=virtio,version=9p2000.L,msize=131072,cache=loose\n"
                "tmpfs outside:/.root-upper tmpfs mode=0755\n"
                "overlay / overlay -\n"
                "tmpfs /x tmpfs -");
    assert_plan("root=share vm.root.overlay=tmpfs rootflags=cache=none",
                "share outside:/.root-lower 9p "
                "ro:trans=virtio,version=9p2000.L,msize=131072,cache=loose,cache=none\n"
                "tmpfs outside:/.root-upper tmpfs mode=0755\n"
                "overlay / overlay -");
}

static void the_root_overlay_has_its_layers(void **state)
{
    (void)state;
    struct boot_plan plan CLEANUP_BOOT_PLAN;
    assert_int_equal(plan_from(&plan, "root=/dev/vda vm.root.overlay=tmpfs ro", NULL), 0);
    const struct plan_mount *root = boot_plan_find(&plan, "/");
    assert_int_equal(root->source, PLAN_OVERLAY);
    assert_int_equal(root->layers.lower.count, 1);
    assert_string_equal(root->layers.lower.items[0], PLAN_ROOT_LOWER);
    assert_string_equal(root->layers.upper, PLAN_ROOT_UPPER "/upper");
    assert_string_equal(root->layers.work, PLAN_ROOT_UPPER "/work");
    assert_int_equal(root->options.flags, MS_RDONLY);
}

static void shares_are_9p_unless_they_say_virtiofs(void **state)
{
    (void)state;
    assert_plan("root=tmpfs vm.share=xchg:/tmp/xchg vm.share=v:/v:virtiofs,ro vm.msize=100000",
                "tmpfs / tmpfs mode=755\n"
                "xchg /tmp/xchg 9p trans=virtio,version=9p2000.L,msize=100000\n"
                "v /v virtiofs ro:-");
    /* the user's value of an option replaces the default */
    assert_plan("root=tmpfs vm.share=a:/a:msize=65536,cache=mmap,version=9p2000.u",
                "tmpfs / tmpfs mode=755\n"
                "a /a 9p trans=virtio,msize=65536,cache=mmap,version=9p2000.u");
}

#define OVERLAY_TEXT "overlay /nix/store overlay index=off,redirect_dir=off,metacopy=off,xino=off"
#define LOWER_9P     "9p ro:trans=virtio,version=9p2000.L,msize=131072,cache=loose"

static void the_store_comes_from_each_source(void **state)
{
    (void)state;
    assert_plan("root=tmpfs vm.store=9p:nix-store",
                "tmpfs / tmpfs mode=755\n"
                "nix-store /nix/.ro-store " LOWER_9P "\n"
                "tmpfs /nix/.rw-store tmpfs mode=0755\n" OVERLAY_TEXT);
    assert_plan("root=tmpfs vm.store=virtiofs:s vm.store.overlay=root",
                "tmpfs / tmpfs mode=755\ns /nix/.ro-store virtiofs ro:-\n" OVERLAY_TEXT);
    assert_plan("root=tmpfs vm.store=erofs:/dev/vdb vm.store.overlay=none",
                "tmpfs / tmpfs mode=755\n/dev/vdb /nix/store erofs ro:-");
    assert_plan("root=tmpfs vm.store=9p:nix-store vm.store.overlay=bind",
                "tmpfs / tmpfs mode=755\n"
                "nix-store /nix/.ro-store " LOWER_9P "\n/nix/.ro-store /nix/store - -");
    assert_plan("root=tmpfs vm.store.overlay=tmpfs", "tmpfs / tmpfs mode=755");
}

static void a_mount_of_the_users_replaces_the_stores_own(void **state)
{
    (void)state;
    assert_plan("root=tmpfs vm.store=9p:nix-store vm.share=nix-store:/nix/.ro-store:cache=mmap "
                "vm.mount=tmpfs:/nix/.rw-store:tmpfs:size=2g",
                "tmpfs / tmpfs mode=755\n"
                "tmpfs /nix/.rw-store tmpfs size=2g\n"
                "nix-store /nix/.ro-store 9p "
                "trans=virtio,version=9p2000.L,msize=16384,cache=mmap\n" OVERLAY_TEXT);
}

static void a_mount_comes_after_those_that_it_requires(void **state)
{
    (void)state;
    assert_plan("root=tmpfs vm.mount=a:/a:tmpfs:x-systemd.requires-mounts-for=//b/c/ "
                "vm.mount=c:/c:tmpfs vm.mount=b:/b:tmpfs",
                "tmpfs / tmpfs mode=755\nc /c tmpfs -\nb /b tmpfs -\na /a tmpfs -");
    assert_no_plan("root=tmpfs vm.mount=a:/a:tmpfs:x-systemd.requires-mounts-for=/b/..",
                   "requires-mounts-for", "..");
    assert_no_plan("root=tmpfs vm.mount=a:/a:tmpfs:x-systemd.requires-mounts-for=/a/b "
                   "vm.mount=b:/a/b:tmpfs",
                   "/a needs /a/b");
}

static void the_stores_layer_has_two_names(void **state)
{
    (void)state;
    struct boot_plan old CLEANUP_BOOT_PLAN;
    struct boot_plan new CLEANUP_BOOT_PLAN;
    assert_int_equal(plan_from(&old, "root=tmpfs vm.store=9p:s", NULL), 0);
    assert_int_equal(plan_from(&new, "root=tmpfs vm.store=9p:s vm.store.upper=upper", NULL), 0);
    const struct plan_layers *layers = &boot_plan_find(&old, "/nix/store")->layers;
    assert_string_equal(layers->upper, "/nix/.rw-store/store");
    assert_string_equal(layers->former, "/nix/.rw-store/upper");
    layers = &boot_plan_find(&new, "/nix/store")->layers;
    assert_string_equal(layers->upper, "/nix/.rw-store/upper");
    assert_string_equal(layers->former, "/nix/.rw-store/store");
}

static void paths_are_made_normal(void **state)
{
    (void)state;
    assert_plan("root=tmpfs vm.mount=tmpfs://a//./b/:tmpfs",
                "tmpfs / tmpfs mode=755\ntmpfs /a/b tmpfs -");
    assert_plan("root=tmpfs vm.mount=/a/:/b/:none:bind", "tmpfs / tmpfs mode=755\n/a /b none -");
    assert_no_plan("root=tmpfs vm.mount=tmpfs:/a/../b:tmpfs", "vm.mount", "/a/../b", "..");
}

static void an_overlays_layers_are_read_through_every_escape(void **state)
{
    (void)state;
    struct boot_plan plan CLEANUP_BOOT_PLAN;
    struct error e CLEANUP_ERROR = {0};
    const char *line = "root=tmpfs vm.mount=ov:/m:overlay:lowerdir=/a\\:b:/c\\054d:/e/,"
                       "upperdir=/u\\040v,workdir=/w,userxattr";
    if (plan_from(&plan, line, &e) < 0)
        fail_msg("%s", e.message);
    const struct plan_mount *mount = boot_plan_find(&plan, "/m");
    assert_int_equal(mount->layers.lower.count, 3);
    assert_string_equal(mount->layers.lower.items[0], "/a:b");
    assert_string_equal(mount->layers.lower.items[1], "/c,d");
    assert_string_equal(mount->layers.lower.items[2], "/e");
    assert_string_equal(mount->layers.upper, "/u v");
    assert_string_equal(mount->layers.work, "/w");
    assert_string_equal(mount->options.data, "userxattr");
}

static void what_cannot_be_mounted_is_refused_by_name(void **state)
{
    (void)state;
    assert_no_plan("root=tmpfs vm.mount=thing:/a", "vm.mount", "thing", "/a", "filesystem type");
    assert_no_plan("root=tmpfs vm.mount=ov:/a:overlay:upperdir=/u,workdir=/w", "lowerdir=");
    assert_no_plan("root=tmpfs vm.mount=ov:/a:overlay:lowerdir=/l,upperdir=/u", "workdir=");
    assert_no_plan("root=tmpfs vm.mount=ov:/a:overlay:lowerdir=l", "\"l\"", "absolute");
    assert_no_plan("root=tmpfs vm.mount=x:/a:none:bind", "\"x\"", "absolute");
    assert_no_plan("root=tmpfs vm.mount=/dev/vda:/a:ext4:loop", "loop");
    assert_no_plan("root=tmpfs vm.mount=/dev/vda:/", "/", "/dev/vda", "tmpfs");
}

static void modules_and_filesystems_are_collected_once(void **state)
{
    (void)state;
    struct boot_plan plan CLEANUP_BOOT_PLAN;
    assert_int_equal(plan_from(&plan,
                               "root=/dev/vda rootfstype=ext4 vm.store=9p:s vm.share=x:/x "
                               "vm.mount=/a:/b:none:bind vm.mount=/dev/vdb:/c "
                               "vm.modules=dm_mod,loop vm.modules=nbd",
                               NULL),
                     0);
    char *types CLEANUP_FREE = strv_join(&plan.filesystems, " ");
    char *modules CLEANUP_FREE = strv_join(&plan.modules, " ");
    assert_string_equal(types, "ext4 9p overlay");
    assert_string_equal(modules, "dm_mod loop nbd");
}

static void makefs_and_growfs_reach_the_plan(void **state)
{
    (void)state;
    struct boot_plan plan CLEANUP_BOOT_PLAN;
    assert_int_equal(plan_from(&plan,
                               "root=/dev/vda rootflags=x-systemd.makefs,x-systemd.growfs "
                               "vm.mount=/dev/vdb:/b:ext4:nofail",
                               NULL),
                     0);
    assert_true(boot_plan_find(&plan, "/")->options.makefs);
    assert_true(boot_plan_find(&plan, "/")->options.growfs);
    assert_true(boot_plan_find(&plan, "/b")->options.nofail);
    assert_false(boot_plan_find(&plan, "/b")->options.makefs);
    assert_null(boot_plan_find(&plan, "/c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_root_has_each_of_its_forms),
        cmocka_unit_test(a_disk_is_named_only_for_a_label_that_a_blank_one_is_to_get),
        cmocka_unit_test(a_root_overlay_keeps_the_root_unwritten),
        cmocka_unit_test(the_root_overlay_has_its_layers),
        cmocka_unit_test(shares_are_9p_unless_they_say_virtiofs),
        cmocka_unit_test(the_store_comes_from_each_source),
        cmocka_unit_test(a_mount_of_the_users_replaces_the_stores_own),
        cmocka_unit_test(a_mount_comes_after_those_that_it_requires),
        cmocka_unit_test(the_stores_layer_has_two_names),
        cmocka_unit_test(paths_are_made_normal),
        cmocka_unit_test(an_overlays_layers_are_read_through_every_escape),
        cmocka_unit_test(what_cannot_be_mounted_is_refused_by_name),
        cmocka_unit_test(modules_and_filesystems_are_collected_once),
        cmocka_unit_test(makefs_and_growfs_reach_the_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
