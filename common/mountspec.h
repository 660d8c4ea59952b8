/* SPDX-License-Identifier: MIT */
/* Values of vm.mount=, vm.share= and vm.store=: fields separated by colons, in which white space,
 * colons, commas, quotes and backslashes are octal escapes (\072), as in fstab(5). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* WHAT:WHERE[:FSTYPE[:OPTIONS]], the syntax of systemd.mount-extra=. */
struct mount_spec {
    char *what;    /* a device specification, a tag, a directory to bind … */
    char *where;   /* absolute, inside the guest's root */
    char *fstype;  /* NULL: detected */
    char *options; /* comma-separated, a comma within one is \054; NULL: none */
};

enum share_transport {
    SHARE_9P,
    SHARE_VIRTIOFS,
};

/* TAG:WHERE[:OPTIONS]; OPTIONS that begin with "virtiofs" or "9p" name the transport. */
struct share_spec {
    char *tag;
    char *where;
    enum share_transport transport;
    char *options; /* without the transport; NULL: none */
};

enum store_kind {
    STORE_NONE,
    STORE_9P,       /* 9p:TAG */
    STORE_VIRTIOFS, /* virtiofs:TAG */
    STORE_EROFS,    /* erofs:DEVICE */
};

struct store_spec {
    enum store_kind kind;
    char *source; /* tag or device specification; NULL with STORE_NONE */
};

/* Parse: 0, or -EINVAL with the reason; on error nothing is left to free.
 * Format: the text that parses to the same; the caller frees. */
int mount_spec_parse(struct mount_spec *spec, const char *text, struct error *e);
char *mount_spec_format(const struct mount_spec *spec);
void mount_spec_free(struct mount_spec *spec);

int share_spec_parse(struct share_spec *spec, const char *text, struct error *e);
char *share_spec_format(const struct share_spec *spec);
void share_spec_free(struct share_spec *spec);

int store_spec_parse(struct store_spec *spec, const char *text, struct error *e);
char *store_spec_format(const struct store_spec *spec);
void store_spec_free(struct store_spec *spec);

/* Add and remove octal escapes; the caller frees. Unescaping leaves a backslash without three octal
 * digits after it, and \000, unchanged. */
char *mount_escape(const char *text);
char *mount_unescape(const char *text);

/* Returns the value of option `name` in a comma-separated list: "" if it has none, NULL if the
 * option is not in the list. The caller frees. */
char *mount_option(const char *options, const char *name);
