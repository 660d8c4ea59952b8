/* SPDX-License-Identifier: MIT */
#include "init/nix/derivation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct reader {
    const char *start, *at, *end;
    const char *file;
    struct error *e;
};

static int bad(const struct reader *r, const char *expected)
{
    return error_set(r->e, -EBADMSG, "%s: not a derivation: at byte %zu %s should stand", r->file,
                     (size_t)(r->at - r->start), expected);
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

/* A string in double quotes; *text (may be NULL) gets it, for the caller to free. */
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

/* ("out","/nix/store/…","r:sha256","…"): a name, a path, and for an output whose contents are
 * known in advance their hash. */
static int read_output(struct reader *r, struct derivation_output *output)
{
    int result = expect(r, "(");
    if (result == 0)
        result = read_string(r, &output->id);
    if (result == 0)
        result = expect(r, ",");
    if (result == 0)
        result = read_string(r, &output->path);
    for (int i = 0; result == 0 && i < 2; i++) {
        result = expect(r, ",");
        if (result == 0)
            result = read_string(r, NULL);
    }
    return result == 0 ? expect(r, ")") : result;
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
    while (result == 0 && !looking_at(r, "]")) {
        struct derivation_output output CLEANUP(free_output) = {0};
        if (r->at[-1] != '[')
            result = expect(r, ",");
        if (result == 0)
            result = read_output(r, &output);
        if (result == 0 && output.path && output.path[0]) {
            d->outputs = xreallocarray(d->outputs, d->output_count + 1, sizeof *d->outputs);
            d->outputs[d->output_count++] = output;
            output = (struct derivation_output){0};
        }
    }
    return result == 0 ? expect(r, "]") : result;
}

/* Strings, lists and tuples up to the ')' that closes Derive( itself. */
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
    const struct derivation_output *a = left, *b = right;
    return strcmp(a->id, b->id);
}

int derivation_parse(const char *bytes, size_t length, const char *file,
                     struct derivation *derivation, struct error *e)
{
    /* The second form is that of derivations whose dependencies are known only when others have
     * been built; Nix 2.26 writes it when asked to. */
    static const char dynamic[] = "DrvWithVersion(\"xp-dyn-drv\",";
    struct reader r = {.start = bytes, .at = bytes, .end = bytes + length, .file = file, .e = e};
    *derivation = (struct derivation){0};
    int result = expect(&r, looking_at(&r, dynamic) ? dynamic : "Derive(");
    if (result == 0)
        result = read_outputs(&r, derivation);
    if (result == 0)
        result = skip_rest(&r);
    if (result == 0 && derivation->output_count > 1)
        qsort(derivation->outputs, derivation->output_count, sizeof *derivation->outputs,
              compare_outputs);
    if (result < 0)
        derivation_free(derivation);
    return result;
}

void derivation_free(struct derivation *derivation)
{
    for (size_t i = 0; i < derivation->output_count; i++)
        free_output(&derivation->outputs[i]);
    free(derivation->outputs);
    *derivation = (struct derivation){0};
}
