/* SPDX-License-Identifier: MIT */
/* run-vm: boots a NixOS system, or any Linux tree, in a QEMU virtual machine. */
#include "base/log.h"
#include "host/commands/commands.h"
#include "host/system/leftovers.h"
#include "host/system/message.h"
#include "host/system/output.h"
#include "host/system/signals.h"
#include "host/system/timeline.h"

int main(int argc, char **argv)
{
    timeline_start();
    output_hold_streams();
    log_set_sink(message_print);
    leftovers_end_out_of_memory();
    signals_report_size_limit();
    return commands_run(argc, argv);
}
