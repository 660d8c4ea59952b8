/* SPDX-License-Identifier: MIT */
#include "common/netspec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"

#define PREFIX_MAX 32

struct in_addr netspec_mask(unsigned int prefix)
{
    return (struct in_addr){htonl(prefix ? UINT32_MAX << (PREFIX_MAX - prefix) : 0)};
}

static bool parse_address(struct in_addr *address, const char *text)
{
    return inet_pton(AF_INET, text, address) == 1;
}

/* Parses ADDRESS/PREFIX. */
static bool parse_interface(struct netspec *spec, const char *text)
{
    const char *slash = strchr(text, '/');
    char *address CLEANUP_FREE = slash ? xstrndup(text, (size_t)(slash - text)) : NULL;
    if (!address || !parse_address(&spec->address, address))
        return false;
    size_t digits = strspn(slash + 1, "0123456789");
    if (digits == 0 || digits > 2 || slash[1 + digits])
        return false;
    spec->prefix = (unsigned int)strtoul(slash + 1, NULL, 10);
    return spec->prefix > 0 && spec->prefix <= PREFIX_MAX;
}

int netspec_parse(struct netspec *spec, const char *text, struct error *e)
{
    struct strv items CLEANUP_STRV = {0};
    *spec = (struct netspec){0};
    strv_split(&items, text, ',');
    struct in_addr *const more[] = {&spec->gateway, &spec->dns};
    bool valid = parse_interface(spec, items.items[0]) && items.count <= 1 + ELEMENTS(more);
    for (size_t i = 1; valid && i < items.count; i++)
        valid = !*items.items[i] || parse_address(more[i - 1], items.items[i]);
    if (valid)
        return 0;
    *spec = (struct netspec){0};
    return error_set(
        e, -EINVAL, "\"%s\" is not an IPv4 network, expected ADDRESS/PREFIX[,GATEWAY[,DNS]]", text);
}

char *netspec_format(const struct netspec *spec)
{
    char address[INET_ADDRSTRLEN] = "";
    char gateway[INET_ADDRSTRLEN] = "";
    char dns[INET_ADDRSTRLEN] = "";
    (void)inet_ntop(AF_INET, &spec->address, address, sizeof address);
    if (spec->gateway.s_addr)
        (void)inet_ntop(AF_INET, &spec->gateway, gateway, sizeof gateway);
    if (spec->dns.s_addr)
        (void)inet_ntop(AF_INET, &spec->dns, dns, sizeof dns);
    return xasprintf("%s/%u%s%s%s%s", address, spec->prefix, *gateway || *dns ? "," : "", gateway,
                     *dns ? "," : "", dns);
}
