/* SPDX-License-Identifier: MIT */
/* Any mount, share or store is read or refused; a result, written and read again, is the same. */
#include "base/text.h"
#include "common/mountspec.h"
#include "tests/fuzz/fuzz.h"

static void mount(const char *text)
{
    struct mount_spec spec;
    struct mount_spec again;
    if (mount_spec_parse(&spec, text, NULL) < 0)
        return;
    char *once CLEANUP_FREE = mount_spec_format(&spec);
    must(mount_spec_parse(&again, once, NULL) == 0);
    char *twice CLEANUP_FREE = mount_spec_format(&again);
    must(streq(once, twice));
    must(streq(spec.what, again.what) && streq(spec.where, again.where));
    mount_spec_free(&spec);
    mount_spec_free(&again);
}

static void share(const char *text)
{
    struct share_spec spec;
    struct share_spec again;
    if (share_spec_parse(&spec, text, NULL) < 0)
        return;
    char *once CLEANUP_FREE = share_spec_format(&spec);
    must(share_spec_parse(&again, once, NULL) == 0);
    must(streq(spec.tag, again.tag) && streq(spec.where, again.where));
    must(spec.transport == again.transport);
    share_spec_free(&spec);
    share_spec_free(&again);
}

static void store(const char *text)
{
    struct store_spec spec;
    if (store_spec_parse(&spec, text, NULL) < 0)
        return;
    char *once CLEANUP_FREE = store_spec_format(&spec);
    struct store_spec again;
    must(store_spec_parse(&again, once, NULL) == 0);
    must(spec.kind == again.kind && streq(spec.source, again.source));
    store_spec_free(&spec);
    store_spec_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text CLEANUP_FREE = fuzz_text(data, size);
    mount(text);
    share(text);
    store(text);
    char *escaped CLEANUP_FREE = mount_escape(text);
    char *plain CLEANUP_FREE = mount_unescape(escaped);
    must(streq(plain, text));
    return 0;
}
