/* SPDX-License-Identifier: MIT */
#include "init/devices/modprobe.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "init/devices/modules.h"

#define KERNEL_SETTING "/proc/sys/kernel/modprobe"
#define OURSELVES      "/init"

/* The setting to restore, owned; NULL: not changed, or the kernel has no modules. */
static char *previous;

void modprobe_install(void)
{
    previous = file_read(KERNEL_SETTING, FILE_LIMIT, NULL, NULL);
    if (previous)
        (void)file_set(KERNEL_SETTING, OURSELVES);
}

void modprobe_remove(void)
{
    if (previous)
        (void)file_set(KERNEL_SETTING, previous);
    free(previous);
    previous = NULL;
}

int modprobe_main(int argc, char **argv)
{
    struct modules modules CLEANUP_MODULES = {0};
    struct error e CLEANUP_ERROR = {0};
    if (argc < 2)
        return EXIT_FAILURE;
    if (modules_open(&modules, MODULES_DIRECTORY, &e) < 0) {
        log_error("%s", e.message);
        return EXIT_FAILURE;
    }
    return modules_load(&modules, argv[argc - 1]) ? EXIT_SUCCESS : EXIT_FAILURE;
}
