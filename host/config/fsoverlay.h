/* SPDX-License-Identifier: MIT */
/* Overlays among the guest's filesystems: fileSystems.X.overlay. */
#pragma once

#include <jansson.h>

#include "host/config/option.h"

struct config;

/* Append the built-in definitions of other options of a filesystem whose overlay.lowerdir is set:
 * its type, device and mount options, and the filesystems to be mounted before it. */
void fsoverlay_define_type(const struct scope *scope, json_t *definitions);
void fsoverlay_define_device(const struct scope *scope, json_t *definitions);
void fsoverlay_define_options(const struct scope *scope, json_t *definitions);
void fsoverlay_define_depends(const struct scope *scope, json_t *definitions);

/* Notes problems with the layers of the filesystem `entry`, which `option` names. */
void fsoverlay_check(struct config *config, const char *option, const json_t *entry);
