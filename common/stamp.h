/* SPDX-License-Identifier: MIT */
/* The stamp, by which the host marks a disk as blank for init.
 *
 * The host writes it into the first sector of a disk that holds nothing, before the machine is
 * started, with a new word each time, and names the same word in the parameter vm.blank. The
 * content thus identifies the disk, whatever the guest calls the device, and a copy stamped for an
 * earlier start does not match. The stamp permits one format: formatting overwrites it first, so
 * that a guest that reboots in the same machine, with the same parameters, no longer finds it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define STAMP_SECTOR 512

/* Letters and digits in the word. */
#define STAMP_WORD 10

/* Fills `sector` with the stamp of `word`, which has STAMP_WORD letters and digits. */
void stamp_encode(const char *word, uint8_t sector[STAMP_SECTOR]);

/* True if `sector` is a stamp, byte by byte; its word is stored in `word`. */
bool stamp_decode(const uint8_t sector[STAMP_SECTOR], char word[STAMP_WORD + 1]);
