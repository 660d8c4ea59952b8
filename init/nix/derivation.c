/* SPDX-License-Identifier: MIT */
#include "init/nix/derivation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"

struct reader {
    const char *start, *at, *end;
    const char *file;
    struct error *e;
};

static int bad(const struct reader *r, const char *expected)
{
    return error_set(r->e, -EBADMSG, "%s: not a derivation: expected %s at byte %zu", r->file,
                     expected, (size_t)(r->at - r->start));
}

static bool looking_at(const struct reader *r, const char *text)
{
    size_t length = strlen(text);
    return (size_t)(r->end - r->at) >= length && memcmp(r->at, text, length) == 0;
}

static int expect(struct reader *r, const char *text)
{
    if (!looking_at(r, text)) {
        char *expected CLEANUP_FREE = xasprintf("'%s'", text);
        return bad(r, expected);
    }
    r->at += strlen(text);
    return 0;
}

static char unescape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

/* Reads a string in double quotes into *text (may be NULL), which the caller frees. */
static int read_string(struct reader *r, char **text)
{
    int result = expect(r, "\"");
    if (result < 0)
        return result;
    const char *begin = r->at;
    while (r->at < r->end && *r->at != '"')
        r->at += *r->at == '\\' ? 2 : 1;
    if (r->at >= r->end) {
        r->at = r->end;
        return bad(r, "the '\"' that ends a string");
    }
    if (text) {
        char *out = *text = xcalloc((size_t)(r->at - begin) + 1, 1);
        for (const char *in = begin; in < r->at; in++)
            *out++ = *in == '\\' ? unescape(*++in) : *in;
    }
    r->at++;
    return 0;
}

/* Reads ("out","/nix/store/…","r:sha256","…"): a name, a path, and the hash if the content is known
 * in advance. */
static int read_output(struct reader *r, struct derivation_output *output)
{
    char **const fields[] = {&output->id, &output->path, NULL, NULL};
    for (size_t i = 0; i < ELEMENTS(fields); i++) {
        int result = expect(r, i == 0 ? "(" : ",");
        if (result < 0)
            return result;
        result = read_string(r, fields[i]);
        if (result < 0)
            return result;
    }
    return expect(r, ")");
}

static void free_output(struct derivation_output *output)
{
    free(output->id);
    free(output->path);
    *output = (struct derivation_output){0};
}

static int read_outputs(struct reader *r, struct derivation *d)
{
    int result = expect(r, "[");
    if (result < 0)
        return result;
    while (!looking_at(r, "]")) {
        result = r->at[-1] == '[' ? 0 : expect(r, ",");
        if (result < 0)
            return result;
        struct derivation_output output CLEANUP(free_output) = {0};
        result = read_output(r, &output);
        if (result < 0)
            return result;
        if (output.path[0]) {
            ARRAY_PUSH(d->outputs, d->output_count, output);
            output = (struct derivation_output){0};
        }
    }
    return expect(r, "]");
}

/* Skips strings, lists and tuples up to the ')' that closes Derive(. */
static int skip_rest(struct reader *r)
{
    enum { DEEPEST = 16 };
    char open[DEEPEST] = {')'};
    size_t depth = 1;
    while (depth > 0) {
        char c = r->at < r->end ? *r->at : '\0';
        int result = 0;
        if (c == '"') {
            result = read_string(r, NULL);
        } else if ((c == '(' || c == '[') && depth < DEEPEST) {
            open[depth++] = c == '(' ? ')' : ']';
            r->at++;
        } else if (c == open[depth - 1]) {
            depth--;
            r->at++;
        } else {
            result = expect(r, ",");
        }
        if (result < 0)
            return result;
    }
    return r->at == r->end ? 0 : bad(r, "the end of the file");
}

static int compare_outputs(const void *left, const void *right)
{
    const struct derivation_output *a = left;
    const struct derivation_output *b = right;
    return strcmp(a->id, b->id);
}

static int read_derivation(struct reader *r, struct derivation *d)
{
    /* The form of a derivation with dynamic dependencies, an experimental feature of Nix 2.26. */
    static const char dynamic[] = "DrvWithVersion(\"xp-dyn-drv\",";
    int result = expect(r, looking_at(r, dynamic) ? dynamic : "Derive(");
    if (result < 0)
        return result;
    result = read_outputs(r, d);
    return result < 0 ? result : skip_rest(r);
}

int derivation_parse(const char *bytes, size_t length, const char *file,
                     struct derivation *derivation, struct error *e)
{
    struct reader r = {.start = bytes, .at = bytes, .end = bytes + length, .file = file, .e = e};
    *derivation = (struct derivation){0};
    int result = read_derivation(&r, derivation);
    if (result < 0) {
        derivation_free(derivation);
        return result;
    }
    if (derivation->output_count > 1)
        qsort(derivation->outputs, derivation->output_count, sizeof *derivation->outputs,
              compare_outputs);
    return 0;
}

void derivation_free(struct derivation *derivation)
{
    for (size_t i = 0; i < derivation->output_count; i++)
        free_output(&derivation->outputs[i]);
    free(derivation->outputs);
    *derivation = (struct derivation){0};
}
