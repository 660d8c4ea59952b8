/* SPDX-License-Identifier: MIT */
/* Texts for a shell to read. run-vm itself never starts one. */
#pragma once

/* Quotes a text as one word of a shell; the caller frees. */
char *shell_quote(const char *text);
