/* SPDX-License-Identifier: MIT */
#include "host/plan/accel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"

static bool has_word(const char *line, size_t length, const char *word)
{
    size_t size = strlen(word);

    for (size_t i = 0; i + size <= length; i++)
        if (!strncmp(line + i, word, size) && (i == 0 || line[i - 1] == ' ') &&
            (i + size == length || line[i + size] == ' '))
            return true;
    return false;
}

bool accel_has_virtualization(const char *cpuinfo)
{
    for (const char *line = cpuinfo; line && *line;) {
        const char *end = strchrnul(line, '\n');
        const char *colon = memchr(line, ':', (size_t)(end - line));

        if (!strncmp(line, "flags", 5) && colon &&
            (has_word(colon + 1, (size_t)(end - colon) - 1, "vmx") ||
             has_word(colon + 1, (size_t)(end - colon) - 1, "svm")))
            return true;
        line = *end ? end + 1 : NULL;
    }
    return false;
}

/* The first processor's part of /proc/cpuinfo is enough; the caller frees. */
static char *read_cpuinfo(void)
{
    enum { SIZE = 64 * 1024 };
    char *text = xcalloc(SIZE, 1);
    int fd CLEANUP_CLOSE = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
    size_t length = 0;
    ssize_t n;

    while (fd >= 0 && length < SIZE - 1 && (n = read(fd, text + length, SIZE - 1 - length)) > 0)
        length += (size_t)n;
    return text;
}

/* Why KVM cannot be used; the caller frees. NULL: it can. */
static char *kvm_obstacle(const struct platform *guest)
{
    struct utsname names = {0};
    char *host CLEANUP_FREE = NULL;
    char *cpuinfo CLEANUP_FREE = NULL;
    int fd CLEANUP_CLOSE = -1;

    (void)uname(&names);
    host = xasprintf(" %s ", names.machine);
    if (!strstr(guest->hosts, host))
        return xasprintf("this %s host cannot run a guest for %s by itself", names.machine,
                         guest->cpu ? guest->cpu : "that processor");
    fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return xasprintf("/dev/kvm: %s%s", strerror(errno),
                         errno == EACCES ? " (is the user in the group kvm?)" : "");
    cpuinfo = read_cpuinfo();
    if (guest->family == FAMILY_X86 && !accel_has_virtualization(cpuinfo))
        return xstrdup("the processor has neither vmx nor svm, whatever /dev/kvm promises");
    return NULL;
}

void accel_choose(struct accel *accel, enum accel_choice choice, const struct platform *guest)
{
    accel->reason = choice == ACCEL_AUTO ? kvm_obstacle(guest) : NULL;
    accel->name = choice == ACCEL_TCG || accel->reason ? "tcg" : "kvm";
}

void accel_free(struct accel *accel)
{
    free(accel->reason);
    accel->reason = NULL;
}
