/* SPDX-License-Identifier: MIT */
/* Units of sizes, in bytes. */
#pragma once

#include <stdint.h>

#define MIB (UINT64_C(1) << 20)
