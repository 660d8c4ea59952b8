/* SPDX-License-Identifier: MIT */
/* The stamp: how the host tells init that a disk is blank.
 *
 * The host writes it into the first sector of a disk that holds nothing, before the machine is
 * started, with a new word each time, and names the same word in the parameter vm.blank. A disk
 * that has the stamp with this word is thereby known by its content: it cannot be taken for another
 * one, whatever the guest calls it, nor for a copy of it that an earlier start had. And the stamp
 * is good for one format: the format overwrites it first of all, so that a guest that starts again
 * in the same machine, with the same parameters, finds it no more. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define STAMP_SECTOR 512

/* Letters and digits in the word. */
#define STAMP_WORD 10

/* The sector with `word`, which has STAMP_WORD letters and digits. */
void stamp_encode(const char *word, uint8_t sector[STAMP_SECTOR]);

/* True when `sector` is a stamp, byte by byte; `word` is then its word. */
bool stamp_decode(const uint8_t sector[STAMP_SECTOR], char word[STAMP_WORD + 1]);
