/* SPDX-License-Identifier: MIT */
/* Any registration file is read, or refused with a reason, in blocks of any size. */
#include "common/store.h"
#include "init/nix/registrationparser.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t step = data[0] + 1U;
    struct registrationparser *parser CLEANUP_REGISTRATIONPARSER =
        registrationparser_new(STORE_DIR, "input");
    struct error e CLEANUP_ERROR = {0};
    for (size_t at = 1; at < size; at += step) {
        size_t count = step < size - at ? step : size - at;
        if (registrationparser_feed(parser, (const char *)data + at, count, &e) < 0) {
            must(e.message);
            return 0;
        }
    }
    struct registration r CLEANUP_REGISTRATION = {0};
    int result = registrationparser_finish(parser, &r, &e);
    must((result < 0) == (e.message != NULL));
    if (result < 0)
        return 0;
    for (uint32_t i = 0; i < r.entry_count; i++) {
        must(r.entries[i].name < r.name_count);
        must(strlen(registration_text(&r, r.entries[i].name)) > strlen(STORE_DIR));
        for (uint32_t k = 0; k < r.entries[i].reference_count; k++)
            must(r.references[r.entries[i].first_reference + k] < r.name_count);
    }
    return 0;
}
