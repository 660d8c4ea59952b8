/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <stdio.h>

#include "base/alloc.h"

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
