/* SPDX-License-Identifier: MIT */
/* `run-vm libvirt-xml`: prints the machine as a libvirt domain. */
#pragma once

/* Takes a struct run_options; returns the exit status. */
int libvirtcommand_run(void *options);
