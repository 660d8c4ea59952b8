/* SPDX-License-Identifier: MIT */
/* Parser of the registration format of `nix-store --dump-db` and `--load-db`.
 *
 * Each store path has one line each for: the path, its NAR's SHA-256, the NAR's size in bytes, the
 * deriver (may be empty), the number of references, the references. Accepts the same files as Nix
 * 2.8 and 2.26, with two exceptions: a last line without its newline is an error (Nix silently
 * drops some of these), and so is a path that is not in its shortest form (with "//" or "."). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "init/nix/registration.h"

/* Makes a parser that is fed the file block by block; freed by registrationparser_free().
 * `store_dir` is the directory that contains every path, `file` the name of the file in messages;
 * both must outlive the parser. */
struct registrationparser;
struct registrationparser *registrationparser_new(const char *store_dir, const char *file);
void registrationparser_free(struct registrationparser **parser);
#define CLEANUP_REGISTRATIONPARSER CLEANUP(registrationparser_free)

/* Makes registrationparser_finish() add an entry for `path` that refers to all others, unless the
 * file has `path`. `path` must be a store path in the parser's store, and outlive the parser. */
void registrationparser_set_owner(struct registrationparser *parser, const char *path,
                                  const uint8_t hash[REGISTRATION_HASH_BYTES], uint64_t nar_size);

/* Parses the next block. Returns 0, or -EBADMSG with "FILE:LINE: reason"; feed no more then. */
int registrationparser_feed(struct registrationparser *parser, const char *bytes, size_t length,
                            struct error *e);

/* Ends the file: checks that it ends after an entry and that the references form no cycle, and
 * fills `r`, which the caller frees. Returns 0 or -EBADMSG as above. */
int registrationparser_finish(struct registrationparser *parser, struct registration *r,
                              struct error *e);
