/* SPDX-License-Identifier: MIT */
/* What a program that is about to be started shall find. */
#pragma once

/* Every signal does what it does by default, and none is blocked. */
void signals_reset(void);
