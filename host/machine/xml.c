/* SPDX-License-Identifier: MIT */
#include "host/machine/xml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/cleanup.h"

struct attribute {
    char *name;
    char *value;
};

struct xml {
    char *name;
    struct attribute *attributes;
    size_t attribute_count;
    char *text; /* NULL: none */
    struct xml **children;
    size_t child_count;
};

struct xml *xml_new(const char *name)
{
    struct xml *element = xcalloc(1, sizeof *element);

    element->name = xstrdup(name);
    return element;
}

void xml_set(struct xml *element, const char *name, const char *value)
{
    if (value)
        ARRAY_PUSH(element->attributes, element->attribute_count,
                   (struct attribute){xstrdup(name), xstrdup(value)});
}

void xml_set_text(struct xml *element, const char *text)
{
    free(element->text);
    element->text = xstrdup(text);
}

void xml_adopt(struct xml *parent, struct xml *child)
{
    ARRAY_PUSH(parent->children, parent->child_count, child);
}

struct xml *xml_add(struct xml *parent, const char *name, ...)
{
    struct xml *element = xml_new(name);
    va_list pairs;

    va_start(pairs, name);
    for (const char *key; (key = va_arg(pairs, const char *));)
        xml_set(element, key, va_arg(pairs, const char *));
    va_end(pairs);
    xml_adopt(parent, element);
    return element;
}

struct xml *xml_add_text(struct xml *parent, const char *name, const char *text)
{
    struct xml *element = xml_add(parent, name, NULL);

    xml_set_text(element, text);
    return element;
}

/* True if XML 1.0 has all of the characters. */
static bool is_sayable(const char *text)
{
    json_t *string = json_string(text); /* NULL unless it is UTF-8 */

    json_decref(string);
    for (; string && *text; text++)
        if ((unsigned char)*text < ' ' && !strchr("\t\n\r", *text))
            return false;
    return string != NULL;
}

/* Writes a text between quotes or tags. A parser would turn white space in a value into spaces. */
static int print_text(const char *text, bool is_value, FILE *out, struct error *e)
{
    if (!is_sayable(text))
        return error_set(e, -EILSEQ,
                         "\"%s\": has a character that XML cannot say; expected UTF-8, and no "
                         "control characters",
                         text);
    for (; *text; text++) {
        if (strchr("&<>\"\r", *text) || (is_value && strchr("\t\n", *text)))
            (void)fprintf(out, "&#%d;", *text);
        else
            (void)fputc(*text, out);
    }
    return 0;
}

static int print_attributes(const struct xml *element, FILE *out, struct error *e)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < element->attribute_count; i++) {
        (void)fprintf(out, " %s=\"", element->attributes[i].name);
        r = print_text(element->attributes[i].value, true, out, e);
        (void)fputc('"', out);
    }
    return r;
}

static int print_element(const struct xml *element, int depth, FILE *out, struct error *e)
{
    (void)fprintf(out, "%*s<%s", 2 * depth, "", element->name);
    int r = print_attributes(element, out, e);
    if (!element->text && !element->child_count) {
        (void)fputs("/>\n", out);
        return r;
    }
    (void)fputs(element->text ? ">" : ">\n", out);
    if (r == 0 && element->text)
        r = print_text(element->text, false, out, e);
    for (size_t i = 0; r == 0 && i < element->child_count; i++)
        r = print_element(element->children[i], depth + 1, out, e);
    (void)fprintf(out, "%*s</%s>\n", element->text ? 0 : 2 * depth, "", element->name);
    return r;
}

char *xml_print(const struct xml *root, struct error *e)
{
    char *document = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&document, &length);

    if (!out) {
        (void)error_errno(e, errno, "XML");
        return NULL;
    }
    int r = print_element(root, 0, out, e);
    if (fclose(out) != 0 && r == 0)
        r = error_errno(e, errno, "XML");
    if (r == 0)
        return document;
    free(document);
    return NULL;
}

void xml_free(struct xml *element)
{
    for (size_t i = 0; i < element->attribute_count; i++) {
        free(element->attributes[i].name);
        free(element->attributes[i].value);
    }
    for (size_t i = 0; i < element->child_count; i++)
        xml_free(element->children[i]);
    free(element->attributes);
    free(element->children);
    free(element->name);
    free(element->text);
    free(element);
}
