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
#include "base/file.h"
#include "base/text.h"

static bool has_word(const char *line, size_t length, const char *word)
{
    size_t size = strlen(word);

    for (size_t i = 0; i + size <= length; i++)
        if (!strncmp(line + i, word, size) && (i == 0 || line[i - 1] == ' ') &&
            (i + size == length || line[i + size] == ' '))
            return true;
    return false;
}

/* True if the text of /proc/cpuinfo has the flag among those of a processor. */
static bool has_flag(const char *cpuinfo, const char *flag)
{
    for (const char *line = cpuinfo; line && *line;) {
        const char *end = strchrnul(line, '\n');
        const char *colon = memchr(line, ':', (size_t)(end - line));

        if (startswith(line, "flags") && colon &&
            has_word(colon + 1, (size_t)(end - colon) - 1, flag))
            return true;
        line = *end ? end + 1 : NULL;
    }
    return false;
}

bool accel_has_virtualization(const char *cpuinfo)
{
    return has_flag(cpuinfo, "vmx") || has_flag(cpuinfo, "svm");
}

bool accel_has_invariant_tsc(const char *cpuinfo)
{
    return has_flag(cpuinfo, "constant_tsc") && has_flag(cpuinfo, "nonstop_tsc");
}

char *accel_model_name(const char *cpuinfo)
{
    const char *line = strstr(cpuinfo, "model name");

    return line ? xstrndup(line, strcspn(line, "\n")) : xstrdup("");
}

/* Bytes of /proc/cpuinfo that are read: the first processor's part, and more. */
#define CPUINFO_SIZE ((size_t)64 * 1024)

char *accel_cpuinfo(void)
{
    char *cpuinfo = xcalloc(CPUINFO_SIZE, 1);

    (void)file_read_head("/proc/cpuinfo", cpuinfo, CPUINFO_SIZE - 1);
    return cpuinfo;
}

/* True if a processor, as uname() names it, runs the guest's instructions. */
static bool runs_guest(const char *machine, const struct platform *guest)
{
    char *word CLEANUP_FREE = xasprintf(" %s ", machine);

    return strstr(guest->hosts, word);
}

bool accel_is_own(const struct platform *guest)
{
    struct utsname names = {0};

    (void)uname(&names);
    char *last CLEANUP_FREE = xasprintf(" %s ", names.machine);
    return !guest->cpu || endswith(guest->hosts, last);
}

/* Explains why KVM cannot be used; the caller frees. NULL: it can. */
static char *kvm_obstacle(const struct platform *guest)
{
    struct utsname names = {0};

    (void)uname(&names);
    if (!runs_guest(names.machine, guest))
        return xasprintf("this %s host cannot run a guest for %s by itself", names.machine,
                         guest->cpu ? guest->cpu : "that processor");
    int fd CLEANUP_CLOSE = open("/dev/kvm", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return xasprintf("/dev/kvm: %s%s", strerror(errno),
                         errno == EACCES ? " (is the user in the group kvm?)" : "");
    char *cpuinfo CLEANUP_FREE = accel_cpuinfo();

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
