/* SPDX-License-Identifier: MIT */
/* Builds and prints an XML document. */
#pragma once

#include "base/error.h"

struct xml;

/* Returns an element without a parent. The caller frees it by xml_free(). */
struct xml *xml_new(const char *name);

/* Adds an element to `parent`, which owns it, with attributes: pairs of a name and a value, ended
 * by NULL. An attribute whose value is NULL is left out. */
struct xml *xml_add(struct xml *parent, const char *name, ...) __attribute__((sentinel));

/* Adds an element that has a text and no attributes. */
struct xml *xml_add_text(struct xml *parent, const char *name, const char *text);

/* Makes `child`, which has no parent yet, the last element of `parent`. */
void xml_adopt(struct xml *parent, struct xml *child);

/* Sets an attribute that the element does not have yet, unless the value is NULL. */
void xml_set(struct xml *element, const char *name, const char *value);

/* Sets the text of an element that has no other elements in it. */
void xml_set_text(struct xml *element, const char *text);

/* Returns the document, one element a line, which the caller frees. NULL with the reason: a text is
 * not UTF-8, or has a character that XML cannot say. */
char *xml_print(const struct xml *root, struct error *e);

/* Frees an element without a parent, and all of its elements. */
void xml_free(struct xml *element);
