/* SPDX-License-Identifier: MIT */
/* What stands in a device's first sector while we make an ext4 on it.
 *
 * A format can be cut off at any instant, and afterwards the device is no longer blank. So that
 * the next boot may redo our format, and nothing else, the writes happen in this order, with an
 * fsync that succeeded between each two steps; within a step the disk may order and lose them as
 * it likes:
 *
 *   1. the marker into sector 0 (512 bytes that ext4 leaves to boot loaders)
 *   2. the whole filesystem, except sector 2: the first half of its superblock, with the magic
 *   3. sector 2
 *   4. zeros over the marker
 *
 * The disk must write each sector of 512 bytes whole or not at all. What can be found then:
 *
 *   sector 0   sector 2     the format has
 *   zeros      zeros        not begun: the device is as blank as before (the host's stamp, see
 *                           common/stamp.h, is as good as zeros)
 *   marker     zeros        been interrupted: redo it, if nothing else can be on the device
 *   marker     superblock   been completed: everything was synced before sector 2, only the
 *                           marker is left to clear. Nothing is formatted: somebody may have
 *                           used the filesystem meanwhile, ext4 does not look at the marker
 *   zeros      superblock   been completed
 *
 * A marker counts only where the rest of the first KiB is zeros, it was written for a device of
 * this size, and libblkid finds nothing else on the device; with a superblock, only where its
 * UUID is the marker's.
 *
 * The marker has all that makes the format's bytes what they are. An interrupted one is redone
 * with the same, and before that every sector of the device is read: each must be zeros or what
 * this format writes there (remains.h). Anything else came from somebody else, and the device is
 * not formatted. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FORMATMARKER_SECTOR 512

/* Offset of the superblock's first sector, the one that is written last. */
#define FORMATMARKER_COMMIT 1024

/* struct ext4_format (ext4.h), with room for the label. */
struct formatmarker {
    uint64_t size; /* of the device in bytes */
    uint8_t uuid[16];
    uint8_t hash_seed[16];
    uint32_t time;
    uint32_t sector; /* 0 in a marker of run-vm 0.1, which had but size and UUID */
    uint32_t physical;
    uint32_t minimum_io;
    uint32_t optimal_io;
    char label[17]; /* ended by a zero; "": none */
};

void formatmarker_encode(const struct formatmarker *m, uint8_t sector[FORMATMARKER_SECTOR]);

/* True when `sector` is a marker, byte by byte. */
bool formatmarker_decode(const uint8_t sector[FORMATMARKER_SECTOR], struct formatmarker *m);
