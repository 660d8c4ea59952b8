/* SPDX-License-Identifier: MIT */
/* The layers of an overlay, found and made. */
#pragma once

#include "base/error.h"
#include "init/plan/plan.h"

/* The options overlayfs takes for `mount`: its layers by their real paths, resolved inside `root`
 * (an O_PATH descriptor; not used for a mount whose layers are outside), the upper and work
 * directories made with mode 0755, which becomes the mode of what is mounted. The caller frees;
 * NULL with the reason. */
char *overlay_data(const struct plan_mount *mount, int root, struct error *e);
