/* SPDX-License-Identifier: MIT */
/* The registration format of `nix-store --dump-db` and `--load-db`: bytes in, structs out.
 *
 * For each store path one line each: the path, its NAR's SHA-256, the NAR's size in bytes, the
 * deriver (may be empty), the number of references, the references. What is accepted is what Nix
 * 2.8 and 2.26 accept, with two exceptions: a last line without its newline is an error (Nix drops
 * some of these in silence), and so is a path that is not written in its shortest form.
 *
 * A path is held once however often it is named: 50,000 paths with 400,000 references, 30 MB of
 * text, take about 12 MB. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "init/nix/registration.h"

/* A parser takes the file block by block. `store_dir` is the directory that every path must lie
 * in, `file` what messages call the file; both must outlive the parser. */
struct registrationparser;
struct registrationparser *registrationparser_new(const char *store_dir, const char *file);
void registrationparser_free(struct registrationparser **parser);
#define CLEANUP_REGISTRATIONPARSER CLEANUP(registrationparser_free)

/* At the end of the file a path is added that refers to all of its entries, unless the file names
 * it. `path` must be a store path in the parser's store, and outlive the parser. */
void registrationparser_set_owner(struct registrationparser *parser, const char *path,
                                  const uint8_t hash[REGISTRATION_HASH_BYTES], uint64_t nar_size);

/* Takes the next block. Returns 0, or -EBADMSG with "FILE:LINE: reason"; feed no more then. */
int registrationparser_feed(struct registrationparser *parser, const char *bytes, size_t length,
                            struct error *e);

/* The end of the file: checks that it ends where an entry does and that the references make no
 * cycle, and fills `r`, which the caller frees. Returns 0 or -EBADMSG likewise. */
int registrationparser_finish(struct registrationparser *parser, struct registration *r,
                              struct error *e);
