/* SPDX-License-Identifier: MIT */
/* The signal state of a program to be executed. */
#pragma once

/* Restores the default action of all signals, and unblocks all. */
void signals_reset(void);
