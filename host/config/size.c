/* SPDX-License-Identifier: MIT */
#include "host/config/size.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

bool size_parse(const char *text, uint64_t unit, uint64_t *bytes)
{
    static const char units[] = "KMGT";
    char *end;

    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)*text) || errno)
        return false;
    const char *found = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    if (found) {
        unit = UINT64_C(1024) << (10 * (found - units));
        end += streq(end + 1, "iB") ? 3 : 1;
    }
    return !*end && !__builtin_mul_overflow(number, unit, bytes);
}
