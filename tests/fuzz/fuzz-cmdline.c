/* SPDX-License-Identifier: MIT */
/* Any command line is read; its parameters, encoded and read again, are the same. */
#include "base/text.h"
#include "common/cmdline.h"
#include "common/params.h"
#include "tests/fuzz/fuzz.h"

/* Returns `params` encoded as a command line; NULL if one of them cannot be encoded. */
static char *encode(const struct guest_params *params)
{
    struct cmdline line CLEANUP_CMDLINE = {0};
    guest_params_encode(params, &line);
    struct strv words CLEANUP_STRV = {0};
    for (size_t i = 0; i < line.count; i++) {
        char *word = cmdline_quote(line.words[i].name, line.words[i].value, NULL);
        if (!word)
            return NULL;
        strv_take(&words, word);
    }
    return strv_join(&words, " ");
}

static int parse(struct guest_params *params, const char *text)
{
    struct cmdline line CLEANUP_CMDLINE = {0};
    cmdline_parse(&line, text);
    struct error e CLEANUP_ERROR = {0};
    int r = guest_params_parse(params, &line, &e);
    must((r < 0) == (e.message != NULL));
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text CLEANUP_FREE = fuzz_text(data, size);
    struct guest_params params CLEANUP_GUEST_PARAMS;
    guest_params_init(&params);
    if (parse(&params, text) < 0)
        return 0;
    char *once CLEANUP_FREE = encode(&params);
    if (!once)
        return 0;

    struct guest_params again CLEANUP_GUEST_PARAMS;
    guest_params_init(&again);
    must(parse(&again, once) == 0);
    char *twice CLEANUP_FREE = encode(&again);
    must(twice && streq(once, twice));
    return 0;
}
