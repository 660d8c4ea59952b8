/* SPDX-License-Identifier: MIT */
#include "host/commands/preparecommand.h"

#include <stdio.h>

#include "host/commands/bootloader.h"
#include "host/commands/contentnames.h"
#include "host/commands/libvirtplan.h"
#include "host/commands/makeplan.h"
#include "host/prepare/prepare.h"
#include "host/system/message.h"
#include "host/system/output.h"
#include "host/system/process.h"
#include "host/system/signals.h"

int preparecommand_run(void *values)
{
    struct run_options *options = values;
    struct error e CLEANUP_ERROR = {0};
    struct libvirtplan made CLEANUP_LIBVIRTPLAN = {0};
    struct prepared prepared CLEANUP_PREPARED = {0};
    int status =
        libvirtplan_make(&made, options, options->words.count ? options->words.items[0] : NULL);
    if (status)
        return status;
    signals_block();
    makeplan_hold_store_paths(&made.plan);
    int r = prepare(&prepared, &made.plan, bootloader_install, &e);
    if (r < 0 && made.plan.undo)
        prepared_undo(&prepared);
    /* those, too, that were made before one failed */
    int named = contentnames_give(&made.plan, r < 0 ? NULL : &e);
    if (r < 0 || named < 0)
        return message_report(&e, STATUS_IO);
    (void)puts(made.plan.cwd);
    return output_finish();
}
