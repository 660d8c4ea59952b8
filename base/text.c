/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"

bool text_number(const char *text, uint64_t most, uint64_t *number)
{
    /* strtoull() accepts signs and blanks, too */
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || value > most)
        return false;
    *number = value;
    return true;
}

char *text_escape(const char *text, const char *special, enum text_escape how)
{
    char *escaped = xcalloc((how == TEXT_OCTAL ? 4 : 2) * strlen(text) + 1, 1);
    for (char *end = escaped; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        bool plain = !strchr(special, *text);
        if (how == TEXT_OCTAL && (!plain || byte < ' ' || byte > '~')) {
            end += sprintf(end, "\\%03o", byte);
            continue;
        }
        if (!plain)
            *end++ = how == TEXT_DOUBLED ? *text : '\\';
        *end++ = *text;
    }
    return escaped;
}
