/* SPDX-License-Identifier: MIT */
#include "host/prepare/needs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "host/system/path.h"
#include "host/system/process.h"

/* True if the plan makes the file. */
static bool is_made(const struct plan *plan, const char *path)
{
    for (size_t i = 0; i < plan->file_count; i++)
        if (path_is_same(plan->files[i].path, path) ||
            (plan->files[i].kind == FILE_BOOT_DISK && plan->files[i].source &&
             path_is_same(plan->files[i].source, path)))
            return true;
    return false;
}

/* A magic number of a kernel. */
struct magic {
    size_t offset;
    const char *bytes;
    size_t length;
};

#define MAGIC(offset, bytes)                                                                       \
    {                                                                                              \
        offset, bytes, sizeof(bytes) - 1                                                           \
    }

/* Documentation/arch/x86/boot.rst of Linux; ELF. For Multiboot see is_multiboot(). */
static const struct magic x86_magics[] = {MAGIC(0x202, "HdrS"), MAGIC(0, "\177ELF")};

/* Documentation/arch/arm64/booting.rst, arch/arm/boot/compressed/head.S, EFI's zboot, U-Boot's
 * image (all of which QEMU knows), gzip. */
static const struct magic arm_magics[] = {
    MAGIC(56, "ARM\x64"), MAGIC(36, "\x18\x28\x6f\x01"), MAGIC(0, "\177ELF"),
    MAGIC(0, "MZ"),       MAGIC(0, "\x27\x05\x19\x56"),  MAGIC(0, "\x1f\x8b"),
};

/* The part of a file that contains the Multiboot header, if it has one. */
#define HEAD 8192

static bool has_magic(const struct magic *magics, size_t count, const char *head, size_t size)
{
    for (size_t i = 0; i < count; i++)
        if (size >= magics[i].offset + magics[i].length &&
            !memcmp(head + magics[i].offset, magics[i].bytes, magics[i].length))
            return true;
    return false;
}

static bool is_multiboot(const char *head, size_t size)
{
    for (size_t i = 0; i + 4 <= size; i += 4)
        if (!memcmp(head + i, "\x02\xb0\xad\x1b", 4))
            return true;
    return false;
}

/* True if the file may be a kernel, which is assumed of an unreadable one. */
static bool is_kernel(const struct plan_need *need)
{
    char head[HEAD];
    int fd CLEANUP_CLOSE = open(need->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t size = fd < 0 ? -1 : read(fd, head, sizeof head);
    if (size < 0)
        return true;
    if (need->kind == NEED_KERNEL_ARM)
        return has_magic(arm_magics, ELEMENTS(arm_magics), head, (size_t)size);
    return has_magic(x86_magics, ELEMENTS(x86_magics), head, (size_t)size) ||
           is_multiboot(head, (size_t)size);
}

static void check_need(const struct plan *plan, const struct plan_need *need, struct strv *problems)
{
    bool directory = need->kind == NEED_DIRECTORY;
    bool kernel = need->kind == NEED_KERNEL_X86 || need->kind == NEED_KERNEL_ARM;
    struct stat st;
    if (is_made(plan, need->path))
        return;
    if (stat(need->path, &st) < 0)
        strv_pushf(problems, "%s: %s: %s: make it first, or name one that exists%s", need->name,
                   need->path, strerror(errno),
                   plan_is_temporary(plan, need->path)
                       ? " (a relative path is relative to the temporary directory)"
                       : "");
    else if (S_ISDIR(st.st_mode) != directory)
        strv_pushf(problems, "%s: %s is %s directory, expected %s", need->name, need->path,
                   directory ? "not a" : "a", directory ? "a directory" : "a file");
    else if (faccessat(AT_FDCWD, need->path, directory ? R_OK | X_OK : R_OK, AT_EACCESS) < 0)
        strv_pushf(problems,
                   "%s: %s cannot be read: %s: change its mode, or run run-vm as a user "
                   "who may read it",
                   need->name, need->path, strerror(errno));
    else if (kernel && !is_kernel(need))
        strv_pushf(
            problems, "%s: %s is no kernel, expected %s: name the file that the boot loader loads",
            need->name, need->path,
            need->kind == NEED_KERNEL_X86 ? "a bzImage or vmlinux" : "an Image, zImage or vmlinux");
}

/* Checks that a file can be made: its directory must be writable for the temporary name. */
static void check_directory(const struct plan_file *file, struct strv *problems)
{
    char *directory CLEANUP_FREE = path_directory(file->path);
    struct stat st;
    if (stat(file->path, &st) == 0 || stat(directory, &st) < 0 ||
        faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) == 0)
        return;
    strv_pushf(problems,
               "%s: cannot be made: directory %s: %s: change its mode, or name a file "
               "elsewhere",
               file->path, directory, strerror(errno));
}

/* Returns the lowest port on which any user may listen. */
static unsigned int first_free_port(void)
{
    FILE *file CLEANUP_FCLOSE = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");
    unsigned int port = 1024;
    return file && fscanf(file, "%u", &port) == 1 ? port : 1024;
}

/* Listens as QEMU will. Returns 0 or an errno. */
static int try_port(const struct plan_port *port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port->number), .sin_addr = port->address};
    int fd CLEANUP_CLOSE =
        socket(AF_INET, (port->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    const int on = 1;
    if (fd < 0)
        return 0; /* no network at all, which QEMU will report */
    if (!port->udp)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
        (!port->udp && listen(fd, 1) < 0))
        return errno;
    return 0;
}

static void check_port(const struct plan_port *port, struct strv *problems)
{
    int number = try_port(port);
    if (number == 0)
        return;
    unsigned int least = number == EACCES ? first_free_port() : 0;
    char address[INET_ADDRSTRLEN];
    (void)inet_ntop(AF_INET, &port->address, address, sizeof address);
    if (port->number < least)
        strv_pushf(problems, "%s: port %u: permission denied: choose one above %u", port->name,
                   port->number, least - 1);
    else if (number == EADDRINUSE)
        strv_pushf(problems,
                   "%s: port %u: in use on this host (%s, address %s): end the program that "
                   "listens there, or choose another port",
                   port->name, port->number, port->udp ? "udp" : "tcp", address);
    else
        strv_pushf(problems, "%s: port %u: cannot listen at address %s: %s: choose another",
                   port->name, port->number, address, strerror(number));
}

int needs_check(const struct plan *plan, struct error *e)
{
    struct strv problems CLEANUP_STRV = {0};
    for (size_t i = 0; i < plan->need_count; i++)
        check_need(plan, &plan->needs[i], &problems);
    for (size_t i = 0; i < plan->file_count; i++)
        check_directory(&plan->files[i], &problems);
    for (size_t i = 0; i < plan->port_count && !plan->by_libvirt; i++)
        check_port(&plan->ports[i], &problems);
    if (!problems.count)
        return 0;
    for (size_t i = 0; i + 1 < problems.count; i++)
        log_error("%s", problems.items[i]);
    return error_status(e, error_set(e, -EINVAL, "%s", problems.items[problems.count - 1]),
                        STATUS_IO);
}
