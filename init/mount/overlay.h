/* SPDX-License-Identifier: MIT */
/* The layers of an overlay as mount options; makes the upper ones. */
#pragma once

#include "base/error.h"
#include "init/plan/plan.h"

/* Returns overlayfs's options for `mount`, which the caller frees: its layers by their real paths,
 * resolved inside `root` (an O_PATH descriptor; unused if the layers are outside). Makes the upper
 * and work directories with mode 0755, which becomes the mode of the mount's root. NULL with the
 * reason. */
char *overlay_data(const struct plan_mount *mount, int root, struct error *e);
