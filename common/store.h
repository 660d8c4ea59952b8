/* SPDX-License-Identifier: MIT */
/* The guest's store: where its layers are, and how init mounts them. The host leaves out of the
 * guest parameters whatever these say already. */
#pragma once

#define STORE_DIR "/nix/store"

/* Layers of a store that can be written to: the store that vm.store= names, and the directory with
 * the writable layer (a tmpfs with vm.store.overlay=tmpfs). */
#define STORE_LOWER_DIR "/nix/.ro-store"
#define STORE_UPPER_DIR "/nix/.rw-store"

/* Mount options of the store, which does not change while the guest runs: hence the loose cache of
 * 9p, which makes other shares stale. */
#define STORE_OPTIONS       "ro"
#define STORE_OPTIONS_9P    "cache=loose" /* besides */
#define STORE_OPTIONS_UPPER "mode=0755"   /* of the tmpfs */
#define STORE_OPTIONS_BIND  "bind"        /* of STORE_LOWER_DIR on STORE_DIR */
