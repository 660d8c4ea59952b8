/* SPDX-License-Identifier: MIT */
/* Names of the store image. */
#pragma once

/* The name of the image in its cache entry. */
#define STOREIMAGE_NAME "store.img"

/* The label by which the guest's fstab finds the image since NixOS 23.11. */
#define STOREIMAGE_LABEL "nix-store"
