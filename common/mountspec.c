/* SPDX-License-Identifier: MIT */
#include "common/mountspec.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "base/text.h"

/* Besides every byte that is not printable ASCII. */
#define SPECIAL_IN_FIELD   " :,\\\""
#define SPECIAL_IN_OPTIONS " \"" /* their commas, colons and escapes are syntax */

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

char *mount_escape(const char *text)
{
    return text_escape(text, SPECIAL_IN_FIELD, TEXT_OCTAL);
}

/* Decodes the escape at `text`. Returns 0 if there is none; no text contains a zero byte. */
static char escaped_byte(const char *text)
{
    if (text[0] != '\\' || text[1] < '0' || text[1] > '3' || !is_octal(text[2]) ||
        !is_octal(text[3]))
        return '\0';
    return (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
}

char *mount_unescape(const char *text)
{
    char *plain = xcalloc(strlen(text) + 1, 1);
    for (char *end = plain; *text; end++) {
        char byte = escaped_byte(text);
        *end = byte ? byte : *text;
        text += byte ? 4 : 1;
    }
    return plain;
}

/* Splits at colons into at most `most` fields, the last of which keeps its colons. */
static void split_fields(struct strv *fields, const char *text, size_t most)
{
    for (const char *colon; fields->count + 1 < most && (colon = strchr(text, ':'));
         text = colon + 1)
        strv_take(fields, xstrndup(text, (size_t)(colon - text)));
    strv_push(fields, text);
}

/* Returns field `i` unescaped, or NULL if it is absent or empty. */
static char *field(const struct strv *fields, size_t i)
{
    return i < fields->count && *fields->items[i] ? mount_unescape(fields->items[i]) : NULL;
}

/* Returns the options with their escapes: a comma may be decoded only after the list has been
 * split, which mounting does. */
static char *options_field(const struct strv *fields, size_t i)
{
    return i < fields->count && *fields->items[i] ? xstrdup(fields->items[i]) : NULL;
}

static int check_fields(const char *what, const char *where, const char *text, const char *syntax,
                        struct error *e)
{
    if (!what || !where)
        return error_set(e, -EINVAL, "\"%s\": expected %s", text, syntax);
    if (where[0] != '/')
        return error_set(e, -EINVAL, "\"%s\": \"%s\" is not an absolute path (expected %s)", text,
                         where, syntax);
    return 0;
}

int mount_spec_parse(struct mount_spec *spec, const char *text, struct error *e)
{
    struct strv fields CLEANUP_STRV = {0};
    split_fields(&fields, text, 4);
    *spec = (struct mount_spec){
        .what = field(&fields, 0),
        .where = field(&fields, 1),
        .fstype = field(&fields, 2),
        .options = options_field(&fields, 3),
    };
    int r = check_fields(spec->what, spec->where, text, "WHAT:WHERE[:FSTYPE[:OPTIONS]]", e);
    if (r < 0)
        mount_spec_free(spec);
    return r;
}

char *mount_spec_format(const struct mount_spec *spec)
{
    char *what CLEANUP_FREE = mount_escape(spec->what);
    char *where CLEANUP_FREE = mount_escape(spec->where);
    char *fstype CLEANUP_FREE = mount_escape(spec->fstype ? spec->fstype : "");
    char *options CLEANUP_FREE =
        text_escape(spec->options ? spec->options : "", SPECIAL_IN_OPTIONS, TEXT_OCTAL);
    if (*options)
        return xasprintf("%s:%s:%s:%s", what, where, fstype, options);
    return *fstype ? xasprintf("%s:%s:%s", what, where, fstype) : xasprintf("%s:%s", what, where);
}

void mount_spec_free(struct mount_spec *spec)
{
    free(spec->what);
    free(spec->where);
    free(spec->fstype);
    free(spec->options);
    *spec = (struct mount_spec){0};
}

static const char *const transport_names[] = {[SHARE_9P] = "9p", [SHARE_VIRTIOFS] = "virtiofs"};

/* Removes the transport's name, if there is one, from the front of the options. */
static const char *take_transport(const char *options, enum share_transport *transport)
{
    for (size_t i = 0; i < ELEMENTS(transport_names); i++) {
        const char *rest = startswith(options, transport_names[i]);
        if (rest && (*rest == ',' || *rest == '\0')) {
            *transport = (enum share_transport)i;
            return rest + (*rest == ',');
        }
    }
    return options;
}

int share_spec_parse(struct share_spec *spec, const char *text, struct error *e)
{
    struct strv fields CLEANUP_STRV = {0};
    split_fields(&fields, text, 3);
    *spec = (struct share_spec){
        .tag = field(&fields, 0), .where = field(&fields, 1), .transport = SHARE_9P};
    if (fields.count > 2) {
        const char *options = take_transport(fields.items[2], &spec->transport);
        spec->options = *options ? xstrdup(options) : NULL;
    }
    int r = check_fields(spec->tag, spec->where, text, "TAG:WHERE[:OPTIONS]", e);
    if (r < 0)
        share_spec_free(spec);
    return r;
}

/* True if the transport must be named: it is not 9P, the default, or the options would be taken for
 * a name. */
static bool needs_transport(const struct share_spec *spec)
{
    enum share_transport other;
    return spec->transport != SHARE_9P ||
           (spec->options && take_transport(spec->options, &other) != spec->options);
}

char *share_spec_format(const struct share_spec *spec)
{
    char *tag CLEANUP_FREE = mount_escape(spec->tag);
    char *where CLEANUP_FREE = mount_escape(spec->where);
    struct strv options CLEANUP_STRV = {0};
    if (needs_transport(spec))
        strv_push(&options, transport_names[spec->transport]);
    if (spec->options)
        strv_push(&options, spec->options);
    char *joined CLEANUP_FREE = strv_join(&options, ",");
    char *escaped CLEANUP_FREE = text_escape(joined, SPECIAL_IN_OPTIONS, TEXT_OCTAL);
    return *escaped ? xasprintf("%s:%s:%s", tag, where, escaped) : xasprintf("%s:%s", tag, where);
}

void share_spec_free(struct share_spec *spec)
{
    free(spec->tag);
    free(spec->where);
    free(spec->options);
    *spec = (struct share_spec){0};
}

static const char *const store_kinds[] = {
    [STORE_9P] = "9p", [STORE_VIRTIOFS] = "virtiofs", [STORE_EROFS] = "erofs"};

int store_spec_parse(struct store_spec *spec, const char *text, struct error *e)
{
    struct strv fields CLEANUP_STRV = {0};
    split_fields(&fields, text, 2);
    char *source CLEANUP_FREE = field(&fields, 1);
    *spec = (struct store_spec){0};
    for (size_t i = STORE_NONE + 1; source && i < ELEMENTS(store_kinds); i++) {
        if (streq(fields.items[0], store_kinds[i])) {
            *spec = (struct store_spec){.kind = (enum store_kind)i, .source = TAKE(source)};
            return 0;
        }
    }
    return error_set(e, -EINVAL, "\"%s\": expected 9p:TAG, virtiofs:TAG or erofs:DEVICE", text);
}

char *store_spec_format(const struct store_spec *spec)
{
    char *source CLEANUP_FREE = mount_escape(spec->source);
    return xasprintf("%s:%s", store_kinds[spec->kind], source);
}

void store_spec_free(struct store_spec *spec)
{
    free(spec->source);
    *spec = (struct store_spec){0};
}

char *mount_option(const char *options, const char *name)
{
    size_t length = strlen(name);
    for (const char *p = options; p && *p;) {
        size_t span = strcspn(p, ",");
        if (span >= length && strncmp(p, name, length) == 0) {
            if (span == length)
                return xstrdup("");
            if (p[length] == '=')
                return xstrndup(p + length + 1, span - length - 1);
        }
        p += span + (p[span] == ',');
    }
    return NULL;
}
