/* SPDX-License-Identifier: MIT */
#include "base/sha256.h"

#include <string.h>

#include "base/cleanup.h"
#include "tests/unit/unit.h"

/* FIPS 180-4's examples, and a length at each of the padding's turns (sha256sum's results). */
static void the_sum_is_the_standards(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        const char *sum;
    } of_as[] = {
        {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
        {56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
        {63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
        {64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
        {65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"},
        {1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    for (size_t i = 0; i < ELEMENTS(of_as); i++) {
        for (size_t piece = 1; piece < 200; piece += 33) {
            struct sha256 s;
            uint8_t digest[SHA256_BYTES];
            char as[200];
            memset(as, 'a', sizeof as);
            sha256_begin(&s);
            for (size_t left = of_as[i].count; left > 0;) {
                size_t part = left < piece ? left : piece;
                sha256_feed(&s, as, part);
                left -= part;
            }
            sha256_end(&s, digest);
            char text[SHA256_HEX];
            sha256_hex(digest, text);
            assert_string_equal(text, of_as[i].sum);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sum_is_the_standards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
