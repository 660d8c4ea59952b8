/* SPDX-License-Identifier: MIT */
/* Decodes checked values into the fields of struct config. Functions of the table in schema.c, each
 * called once, as soon as the value of its row is known. */
#pragma once

#include <jansson.h>

#include "host/config/config.h"

void decode_release(struct config *config, json_t *value);
void decode_platform(struct config *config, json_t *value);
void decode_disk_interface(struct config *config, json_t *value);
void decode_shares(struct config *config, json_t *value);
void decode_drives(struct config *config, json_t *value);
void decode_forward_ports(struct config *config, json_t *value);
void decode_filesystems(struct config *config, json_t *value);
void decode_empty_disks(struct config *config, json_t *value);
void decode_resolution(struct config *config, json_t *value);
void decode_qemu_options(struct config *config, json_t *value);
void decode_networking_options(struct config *config, json_t *value);
void decode_cache_size(struct config *config, json_t *value);
