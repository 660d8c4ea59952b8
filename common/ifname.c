/* SPDX-License-Identifier: MIT */
#include "common/ifname.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

bool ifname_is_valid(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && length < IF_NAMESIZE && !streq(name, ".") && !streq(name, "..") &&
           !strpbrk(name, "/: \t\n\v\f\r");
}

bool ifname_parse_address(uint8_t *address, const char *text)
{
    for (size_t i = 0; i < IFNAME_ADDRESS_BYTES; i++, text += 3) {
        char end = i + 1 < IFNAME_ADDRESS_BYTES ? ':' : '\0';
        if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
            text[2] != end)
            return false;
        address[i] = (uint8_t)strtoul(text, NULL, 16);
    }
    return true;
}

int ifname_parse(struct ifname *ifname, const char *text, struct error *e)
{
    size_t length = strcspn(text, ":");
    char *name CLEANUP_FREE = xstrndup(text, length);
    *ifname = (struct ifname){0};
    if (!ifname_is_valid(name))
        return error_set(e, -EINVAL, "\"%s\" is not a valid interface name", name);
    if (text[length] != ':' || !ifname_parse_address(ifname->address, text + length + 1))
        return error_set(
            e, -EINVAL,
            "\"%s\" is not the address of a network card, expected %s:XX:XX:XX:XX:XX:XX",
            text[length] ? text + length + 1 : text, name);
    ifname->name = TAKE(name);
    return 0;
}

char *ifname_format(const struct ifname *ifname)
{
    const uint8_t *a = ifname->address;
    return xasprintf("%s:%02x:%02x:%02x:%02x:%02x:%02x", ifname->name, a[0], a[1], a[2], a[3], a[4],
                     a[5]);
}

void ifname_free(struct ifname *ifname)
{
    free(ifname->name);
    *ifname = (struct ifname){0};
}
