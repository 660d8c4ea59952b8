/* SPDX-License-Identifier: MIT */
/* Directories of a guest that are no place for a share that the guest may write to. */
#pragma once

enum guestplace {
    GUESTPLACE_FREE,
    GUESTPLACE_INSIDE,  /* in a directory that the guest cannot do without */
    GUESTPLACE_NEEDED,  /* the guest cannot do without it, or it is a mount of its own */
    GUESTPLACE_EMPTIED, /* the guest deletes what is in it when it boots, or later */
};

/* The words for a share at any place but a free one. */
#define GUESTPLACE_TAKEN                                                                           \
    "would take the place of a directory that the guest's own system needs or empties"

/* Returns what kind of place an absolute path in the guest is. */
enum guestplace guestplace_of(const char *path);
