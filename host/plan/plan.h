/* SPDX-License-Identifier: MIT */
/* The plan: everything that a start is going to do, as data. Building a plan changes nothing on the
 * host, and reads only files that the configuration names. prepare.h makes `files`, supervise.h
 * runs `argv`. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strv.h"
#include "common/cmdline.h"
#include "host/machine/model.h"

/* Ways to make a file. Files are made in the order of the plan, each under a temporary name in its
 * directory, and then renamed. An existing file is left as it is unless `replace` is set. */
enum file_kind {
    FILE_DISK_IMAGE,   /* qemu-img create -f qcow2 PATH SIZE */
    FILE_DISK_OVERLAY, /* qemu-img create -f qcow2 -F qcow2 -b SOURCE PATH */
    FILE_DIRECTORY,    /* mkdir -p */
    FILE_TEMPORARY,    /* a directory, mode 0700, removed at the end unless `keep` */
    FILE_COPY,         /* SOURCE copied, mode 0644 */
    FILE_STORE_IMAGE,  /* mkfs.erofs of the paths that SOURCE lists (NULL: of the closure of
                        * `roots`), in the cache, PATH a link */
    FILE_BOOT_DISK,    /* an overlay (a copy unless `replace`) of plan.boot_disk, which is in the
                        * cache; SOURCE: a link that is made to its EFI variables, or NULL */
    FILE_REGISTRATION, /* the registration of the closure of `roots`, from the host's Nix database,
                        * as a plain file at PATH, which may lie in a share */
    FILE_INITRD,       /* plan.initrd, in the cache, PATH a link */
    FILE_KERNEL,       /* SOURCE, unpacked, in the cache, PATH a link */
};

struct plan_file {
    enum file_kind kind;
    char *path;        /* absolute */
    char *source;      /* see the kinds; NULL where none is needed */
    struct strv roots; /* store paths as the guest sees them, /nix/store/… */
    uint64_t bytes;    /* FILE_DISK_IMAGE; 0: none given */
    bool replace;      /* made anew though it exists */
    bool keep;     /* FILE_TEMPORARY: the user's, made with its parents if need be, not removed */
    bool writable; /* FILE_STORE_IMAGE: a copy instead of a link, for the guest to write to */
};

/* Kinds of files that must exist on the host before a start. */
enum need_kind {
    NEED_FILE,
    NEED_DIRECTORY,
    NEED_KERNEL_X86, /* a file that QEMU can start on x86 */
    NEED_KERNEL_ARM,
};

struct plan_need {
    enum need_kind kind;
    char *name; /* of the setting that needs it, as messages spell it */
    char *path; /* absolute */
};

/* A port of the host that QEMU will listen on. */
struct plan_port {
    char *name; /* of the setting that needs it, as messages spell it */
    struct in_addr address;
    uint16_t number;
    bool udp;
};

/* The server of a share on virtiofs. */
struct plan_server {
    char *program; /* virtiofsd */
    char *tag;
    char *source; /* the directory, absolute */
    char *socket; /* where QEMU will connect */
    bool read_only;
    bool announce; /* show the guest which directories are other filesystems */
};

/* A disk that init formats if it is blank, and that the host can look at. */
struct plan_blank {
    char *path;   /* of its image, absolute */
    char *format; /* as QEMU is told; NULL: it is not */
};

/* Contents of our initrd. */
struct initrd_spec {
    char *init;           /* the guest's init, a path on the host */
    char *modules_dir;    /* host path of lib/modules/VERSION; NULL: a kernel without modules */
    char *modules_root;   /* symbolic links in modules_dir are resolved inside it; "": "/" */
    struct strv modules;  /* names and aliases that must be in it, with all they depend on */
    struct cmdline words; /* parameters too long for the command line: appended as bootconfig */
    bool strip_signed;    /* strip modules that are signed as well as those that are not */
};

/* The boot disk that FILE_BOOT_DISK makes, and the throwaway machine in which it is made. */
struct boot_disk_spec {
    char *toplevel;       /* the system, as the guest sees it; NULL: no disk is made */
    char *toplevel_path;  /* on the host */
    char *grub_device;    /* the disk's name in the configuration of the boot loader */
    bool efi;             /* the machine has EFI, and its variables are kept */
    struct strv firmware; /* files that the machine's firmware consists of */
    struct strv settings; /* of the machine: OPTION=VALUE */
    char *kernel;         /* the command line's, in place of the system's; NULL: none */
    char *modules_dir;
    char *guest_init;
    unsigned int accel; /* enum accel_choice */
};

struct plan {
    struct plan_file *files;
    size_t file_count;
    struct plan_need *needs;
    size_t need_count;
    struct plan_port *ports;
    size_t port_count;
    struct plan_server *servers;
    size_t server_count;
    bool undo; /* a start that fails removes the images it has made. With the system's own initrd
                * they stay, as the specification's do */
    struct plan_blank *blank;
    size_t blank_count;
    size_t append_room; /* bytes that are left for more parameters of our init */
    struct initrd_spec initrd;
    struct boot_disk_spec boot_disk;
    struct model machine;      /* the virtual machine */
    struct strv argv;          /* the same as QEMU's arguments, argv[0] being the program */
    struct strv environment;   /* NAME=VALUE, besides the inherited ones */
    char *cwd;                 /* QEMU's directory, the temporary one */
    struct strv kernel_params; /* the words of -append */
    struct strv warnings;
    char *accel_reason;     /* why it is TCG unasked; NULL: it is not */
    struct strv exec;       /* --exec: the command to run in the guest; empty: none */
    struct strv raw_images; /* to be recorded as raw (imageformat.h) before the start */
    struct strv helpers;  /* programs that QEMU starts for connections: none of them outlives it */
    char *exec_socket;    /* QEMU connects to it for --exec; inside `cwd` */
    bool quits;           /* a signal makes QEMU quit at once: the guest is not powered down */
    char *report_socket;  /* QEMU connects to it with the boot report; NULL: no report */
    char *control_socket; /* QEMU connects to it with a monitor for us; NULL: none */
    char *qmp_socket;     /* QEMU's monitor listens on it; inside `cwd`, and relative to it in argv,
                           * because the path of a socket must be short */
    char *qemu_img;       /* the program for FILE_DISK_*; NULL where no file needs it */
    uint64_t cache_size;  /* limit in bytes; 0: the cache's default */
    char *store_prefix;   /* host prefix of a chroot Nix store: the guest's /nix/store/… is at
                           * PREFIX/nix/store/… ; "": none. SOURCEs have it already */
};

/* True if `path` is the temporary directory, or inside it. */
bool plan_is_temporary(const struct plan *plan, const char *path);

/* Adds a parameter before the others of the kernel's command line, and to argv: one whose value is
 * known only after the files have been made. */
void plan_add_parameter(struct plan *plan, const char *name, const char *value);

#define CLEANUP_PLAN CLEANUP(plan_free)
void plan_free(struct plan *plan);
