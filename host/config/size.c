/* SPDX-License-Identifier: MIT */
#include "host/config/size.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* The decimal places that are read: more say nothing about a size. */
#define PLACES  6
#define MILLION UINT64_C(1000000)

/* Reads the digits after a decimal point as millionths. Returns what follows them; NULL: there are
 * none, or too many. */
static const char *read_decimals(const char *text, uint64_t *millionths)
{
    size_t count = strspn(text, "0123456789");

    if (!count || count > PLACES)
        return NULL;
    for (size_t i = 0; i < PLACES; i++)
        *millionths = 10 * *millionths + (i < count ? (uint64_t)(text[i] - '0') : 0);
    return text + count;
}

/* The unit that `text` is, K to T with or without iB; 0: it is none. */
static uint64_t find_unit(const char *text)
{
    static const char units[] = "KMGT";
    const char *found = *text ? strchr(units, toupper((unsigned char)*text)) : NULL;

    if (!found || (text[1] && !streq(text + 1, "iB")))
        return 0;
    return UINT64_C(1024) << (10 * (found - units));
}

bool size_parse(const char *text, uint64_t unit, uint64_t *bytes)
{
    uint64_t millionths = 0;
    char *end;

    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)*text) || errno)
        return false;
    const char *rest = *end == '.' ? read_decimals(end + 1, &millionths) : end;
    if (!rest || (*end == '.' && !*rest))
        return false;
    if (*rest)
        unit = find_unit(rest);
    uint64_t part = millionths ? unit * millionths : 0; /* less than 2^40 * 2^20 */
    return unit && part % MILLION == 0 && !__builtin_mul_overflow(number, unit, bytes) &&
           !__builtin_add_overflow(*bytes, part / MILLION, bytes);
}

bool size_in_units(const char *text, uint64_t unit, uint64_t *count)
{
    uint64_t bytes;

    if (!size_parse(text, 0, &bytes) || bytes % unit)
        return false;
    *count = bytes / unit;
    return true;
}
