/* SPDX-License-Identifier: MIT */
/* Mount options of 9p that init adds where a share has none of that name. GUEST_SHARE_MSIZE and
 * GUEST_STORE_MSIZE (params.h) are the values of msize. */
#pragma once

#define NINEP_TRANS   "virtio"
#define NINEP_VERSION "9p2000.L"
