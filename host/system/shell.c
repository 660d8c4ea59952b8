/* SPDX-License-Identifier: MIT */
#include "host/system/shell.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strv.h"
#include "base/text.h"

/* True if a terminal would act on the text. A C1 control character is two bytes in UTF-8 and one in
 * other encodings. */
static bool has_controls(const char *text)
{
    unsigned char before = 0;
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if ((byte < ' ' && byte != '\n' && byte != '\t') || byte == 0x7f)
            return true;
        if (byte >= 0x80 && byte < 0xa0 && (before < 0x80 || before == 0xc2))
            return true;
        before = byte;
    }
    return false;
}

char *shell_quote(const char *text)
{
    bool plain = *text != '\0';
    for (const char *c = text; *c && plain; c++)
        plain = isalnum((unsigned char)*c) || strchr("-_./=,:+@%", *c);
    if (plain)
        return xstrdup(text);
    if (has_controls(text)) { /* $'…': POSIX.1-2024, and bash long before */
        char *escaped CLEANUP_FREE = text_escape(text, "'\\", TEXT_OCTAL);
        return xasprintf("$'%s'", escaped);
    }
    struct strv parts CLEANUP_STRV = {0};
    strv_split(&parts, text, '\'');
    char *joined CLEANUP_FREE = strv_join(&parts, "'\\''");
    return xasprintf("'%s'", joined);
}
