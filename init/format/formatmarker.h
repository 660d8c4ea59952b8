/* SPDX-License-Identifier: MIT */
/* The content of a device's first sector while we make an ext4 on it.
 *
 * Power loss can interrupt a format at any instant, and leaves a device that is not blank. To let
 * the next boot redo our format, and nothing else, the writes happen in this order, with a
 * successful fsync between each two steps; within a step the disk may reorder and lose writes:
 *
 *   1. the marker into sector 0 (512 bytes that ext4 leaves to boot loaders)
 *   2. the whole filesystem, except sector 2: the first half of its superblock, with the magic
 *   3. sector 2
 *   4. zeros over the marker
 *
 * The disk must write each sector of 512 bytes whole or not at all. These states are possible:
 *
 *   sector 0   sector 2     the format has
 *   zeros      zeros        not begun: the device is still blank (the host's stamp, see
 *                           common/stamp.h, is equivalent to zeros)
 *   marker     zeros        been interrupted: redo it, if nothing else can be on the device
 *   marker     superblock   been completed: everything was synced before sector 2, only the
 *                           marker must be cleared. Nothing is formatted: the filesystem may have
 *                           been used meanwhile, since ext4 ignores the marker
 *   zeros      superblock   been completed
 *
 * A marker is valid only if the rest of the first KiB is zeros, it was written for a device of
 * this size, and libblkid finds nothing else on the device; with a superblock, only if the
 * superblock's UUID is the marker's.
 *
 * The marker has all parameters that determine the format's bytes. An interrupted format is redone
 * with these, after every sector of the device has been read: each must be zeros or equal to the
 * data of this format (remains.h). Any other data is not ours, and the device is not formatted. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FORMATMARKER_SECTOR 512

/* Offset of the superblock's first sector, the one that is written last. */
#define FORMATMARKER_COMMIT 1024

/* The parameters of a format: struct ext4_format (ext4.h) with the label's text. */
struct formatmarker {
    uint64_t size; /* of the device in bytes */
    uint8_t uuid[16];
    uint8_t hash_seed[16];
    uint32_t time;
    uint32_t sector; /* 0 in a marker of run-vm 0.1, which has only size and UUID */
    uint32_t physical;
    uint32_t minimum_io;
    uint32_t optimal_io;
    char label[17]; /* NUL-terminated; "": none */
};

/* Writes the marker to `sector`. */
void formatmarker_encode(const struct formatmarker *m, uint8_t sector[FORMATMARKER_SECTOR]);

/* Reads the marker in `sector`. False if any byte differs from a marker's. */
bool formatmarker_decode(const uint8_t sector[FORMATMARKER_SECTOR], struct formatmarker *m);
