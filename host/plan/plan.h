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
#include "host/plan/guestcommand.h"
#include "host/system/idmap.h"

/* Ways to make a file. Files are made in the order of the plan, each under a temporary name in its
 * directory, and then renamed. An existing file is left as it is unless `replace` is set. */
enum file_kind {
    FILE_DISK_IMAGE,   /* qemu-img create -f qcow2 PATH SIZE; with `label` it has an ext4 */
    FILE_DISK_LOWER,   /* an existing image that is only read: nothing is made */
    FILE_DISK_OVERLAY, /* qemu-img create -f qcow2 -F qcow2 -b SOURCE PATH */
    FILE_DIRECTORY,    /* mkdir -p */
    FILE_TEMPORARY,    /* a directory, mode 0700, removed at the end unless `keep` */
    FILE_COPY,         /* SOURCE copied, mode 0644 */
    FILE_STORE_IMAGE,  /* an erofs image of the paths that SOURCE lists (NULL: of the closure of
                        * `roots`), in the cache, PATH a link */
    FILE_BOOT_DISK,    /* an overlay (a copy unless `replace`) of plan.boot_disk, which is in the
                        * cache; SOURCE: a link that is made to its EFI variables, or NULL */
    FILE_REGISTRATION, /* the registration of the closure of `roots`, from the host's Nix database,
                        * as a plain file at PATH, which may lie in a share */
    FILE_INITRD,       /* plan.initrd, in the cache, PATH a link */
    FILE_KERNEL,       /* SOURCE, unpacked, in the cache, PATH a link */
    FILE_MODULE_INDEX, /* a directory with depmod's files for the modules in SOURCE (moduledep.h) */
    FILE_TPM_STATE,    /* a directory, mode 0700, which lasts */
};

/* The names of the kinds, by enum file_kind. */
extern const char *const plan_file_kinds[];

struct plan_file {
    enum file_kind kind;
    char *path;        /* absolute */
    char *source;      /* see the kinds; NULL where none is needed */
    struct strv roots; /* store paths as the guest sees them, /nix/store/… */
    uint64_t bytes;    /* FILE_DISK_IMAGE; 0: none given */
    uint64_t grow;     /* FILE_DISK_IMAGE: of an existing one; 0: it stays as it is */
    char *label;       /* FILE_DISK_IMAGE: of the filesystem on it; NULL: it is blank */
    bool replace;      /* made anew though it exists */
    bool keep;     /* FILE_TEMPORARY: the user's, made with its parents if need be, not removed */
    bool packed;   /* FILE_STORE_IMAGE: a qcow2 file whose paths are in the pack */
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
    bool announce;   /* show the guest which directories are other filesystems */
    bool unchanging; /* nothing in it changes while the guest runs */
};

/* A credential of the guest. QEMU reads it through the descriptor. */
struct plan_credential {
    char *name;
    char *option; /* as messages spell it */
    char *source; /* the file, absolute; NULL: the text */
    char *text;   /* NULL: the source, or the key */
    bool ssh_key; /* the user's key for guests (sshkey.h) */
    bool smbios;  /* an SMBIOS string; otherwise a file of fw_cfg */
    int fd;
};

/* The guest's TPM, which swtpm emulates. */
struct plan_tpm {
    char *program;      /* swtpm; NULL: the guest has no TPM */
    char *state;        /* the directory of its state, absolute */
    char *socket;       /* where QEMU will connect */
    char *provisioning; /* the program that provisions a new TPM; NULL: none */
    bool sandboxed;     /* swtpm limits its system calls */
};

/* A disk that init formats if it is blank, and that the host can look at. */
struct plan_blank {
    char *path;   /* of its image, absolute */
    char *format; /* as QEMU is told; NULL: it is not */
};

/* Contents of our initrd. */
struct initrd_spec {
    char *init;           /* the guest's init, a path on the host */
    const char *cpu;      /* the guest's processor, as in CPU-linux; NULL: run-vm's own */
    char *modules_dir;    /* host path of lib/modules/VERSION; NULL: a kernel without modules */
    char *modules_source; /* where the modules in modules_dir come from; NULL: from there itself */
    char *modules_root;   /* symbolic links in modules_dir are resolved inside it; "": "/" */
    struct strv modules;  /* names and aliases that must be in it, with all they depend on */
    struct strv needed;   /* those of them without which the guest has no root, unless built in */
    struct cmdline words; /* parameters too long for the command line: appended as bootconfig */
    bool strip_signed;    /* strip modules that are signed as well as those that are not */
};

/* The boot disk that FILE_BOOT_DISK makes, and the throwaway machine in which it is made. */
struct boot_disk_spec {
    char *toplevel;       /* the system, as the guest sees it; NULL: no boot loader is installed */
    char *toplevel_path;  /* on the host */
    char *grub_device;    /* the disk's name in the configuration of the boot loader */
    char *label;          /* of /boot */
    bool efi;             /* the machine has EFI, and its variables are kept */
    struct strv firmware; /* files that the machine's firmware consists of */
    struct strv settings; /* of the machine: OPTION=VALUE */
    char *kernel;         /* the command line's, in place of the system's; NULL: none */
    char *modules_dir;
    char *guest_init;
    unsigned int accel; /* enum accel_choice */
};

/* Locations of the guest's console. */
enum plan_console {
    PLAN_CONSOLE_ELSEWHERE,   /* nowhere, or where an option of QEMU's put it */
    PLAN_CONSOLE_STREAMS,     /* on run-vm's standard streams, Ctrl-A being QEMU's */
    PLAN_CONSOLE_AND_MONITOR, /* there, with QEMU's monitor behind Ctrl-A C */
    PLAN_CONSOLE_WINDOW,      /* in QEMU's window, or on its VNC server */
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
    struct plan_tpm tpm;
    struct plan_credential *credentials;
    size_t credential_count;
    bool self_contained; /* the directory has copies in place of links into the cache, and no disk
                          * is stamped: run-vm does not start the machine */
    bool by_libvirt;     /* libvirt starts the machine, perhaps on another host */
    bool undo; /* a start that fails removes the images it has made. With the system's own initrd
                * they stay, as the specification's do */
    struct plan_blank *blank;
    size_t blank_count;
    size_t append_room; /* bytes that are left for more parameters of our init */
    struct initrd_spec initrd;
    struct boot_disk_spec boot_disk;
    struct model machine;      /* the virtual machine */
    char *image;               /* the disk image or tree that is the root; NULL: neither */
    struct strv argv;          /* the same as QEMU's arguments, argv[0] being the program */
    struct strv environment;   /* NAME=VALUE, besides the inherited ones */
    char *cwd;                 /* QEMU's directory, the temporary one */
    struct strv kernel_params; /* the words of -append */
    struct strv warnings;
    char *accel_reason;       /* why it is TCG unasked; NULL: it is not */
    char *tree;               /* --root-dir, absolute; NULL: none */
    bool tree_writable;       /* the guest writes to it */
    unsigned int tree_owner;  /* enum tree_owner (planoptions.h) */
    struct idmap identities;  /* of files, as QEMU sees them; chosen at the start */
    bool starts_privileged;   /* QEMU starts a program of the user's that may be setuid */
    struct guestcommand exec; /* --exec: the command to run in the guest; no arguments: none */
    bool warm;              /* the guest waits at FRAME_FROZEN, and a snapshot of it may be used */
    char *warm_obstacle;    /* why the start is cold though it should be warm; NULL: it is not */
    struct strv raw_images; /* to be recorded as raw (imageformat.h) before the start */
    struct strv helpers; /* programs that QEMU starts for connections: none of them outlives it */
    char *exec_socket;   /* QEMU connects to it for --exec; inside `cwd` */
    enum plan_console console;
    bool quiet;           /* the kernel is silent: run-vm shows the steps of the boot */
    char *agent_socket;   /* QEMU listens on it for the first of the agent's FRAME_AGENT_PORTS
                           * sessions; the others' end with their numbers instead of 0. NULL: the
                           * guest has no agent */
    bool quits;           /* a signal makes QEMU quit at once: the guest is not powered down */
    char *report_socket;  /* QEMU connects to it with the boot report; NULL: no report */
    char *control_socket; /* QEMU connects to it with a monitor for us; NULL: none */
    char *qmp_socket;     /* QEMU's monitor listens on it; inside `cwd`, and relative to it in argv,
                           * because the path of a socket must be short */
    char *vnc_socket;     /* the display is served on it; NULL: it is not */
    char *console_socket; /* the console of a machine in the background listens on it; NULL: none */
    char *console_log;    /* the file in `cwd` that gets what the console shows */
    char *qemu_img;       /* the program for FILE_DISK_*; NULL where no file needs it */
    uint64_t cache_size;  /* limit in bytes; 0: the cache's default */
    char *store_prefix;   /* host prefix of a chroot Nix store: the guest's /nix/store/… is at
                           * PREFIX/nix/store/… ; "": none. SOURCEs have it already */
};

/* True if programs of the guest write to run-vm's standard streams. */
bool plan_shows_guest(const struct plan *plan);

/* True if `path` is the temporary directory, or inside it. */
bool plan_is_temporary(const struct plan *plan, const char *path);

/* True if the guest is given the user's key for ssh. */
bool plan_gives_key(const struct plan *plan);

/* Begins an SMBIOS string with a credential; its name, =, and the content as base64 follow. */
#define PLAN_SMBIOS_CREDENTIAL "io.systemd.credential.binary:"

/* Returns the bytes of the SMBIOS string, its final zero included, for a credential with `content`
 * bytes. */
size_t plan_credential_string(const struct plan_credential *credential, size_t content);

/* Adds a parameter before the others of the kernel's command line, and to argv: one whose value is
 * known only after the files have been made. */
void plan_add_parameter(struct plan *plan, const char *name, const char *value);

/* Drops the files of other kinds than these, 1U << KIND each: nothing makes them, or needs them. */
void plan_keep_files(struct plan *plan, unsigned int kinds);

/* Begins the names of the variables that hold store paths from the host's garbage collection. */
#define PLAN_STORE_PATHS "RUN_VM_STORE_PATHS_"

#define CLEANUP_PLAN CLEANUP(plan_free)
void plan_free(struct plan *plan);
