/* SPDX-License-Identifier: MIT */
/* The guest's address on QEMU's user network, for our init: as QEMU's DHCP server would hand it
 * out, but without the time that takes. */
#include <arpa/inet.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/machine/qemuoption.h"
#include "host/plan/planner.h"

/* The network that QEMU's user network has by default. */
#define DEFAULT_NETWORK "10.0.2.0/24"

/* The host's part of the addresses that a network of any other size has. */
#define HOST_GATEWAY 0x0202
#define HOST_DNS     0x0203
#define HOST_GUEST   0x020f

/* QEMU's options for the user network. */
struct user_network {
    const char *options; /* a list; NULL: the guest's first card is on no user network */
    bool restricted;     /* by ours */
};

/* Returns the options of the first user network among arguments, or NULL. */
static const char *find_argument(const struct strv *words)
{
    static const char *const names[] = {"nic", "netdev", "net"};
    struct qemu_option option;

    for (size_t at = 0; qemu_option_next(words, &at, &option);)
        for (size_t i = 0; option.value && i < ELEMENTS(names); i++) {
            const char *rest =
                streq(option.name, names[i]) ? startswith(option.value, "user") : NULL;

            if (rest && (*rest == '\0' || *rest == ','))
                return option.value;
        }
    return NULL;
}

static struct user_network find_network(const struct planner *p)
{
    const struct model *machine = &p->plan->machine;

    for (size_t i = 0; i < machine->count; i++) {
        const struct model_item *item = &machine->items[i];

        if (item->kind == MODEL_NETWORK && !item->network.vde_socket)
            return (struct user_network){item->network.options, item->network.restricted};
    }
    for (size_t i = 0; i < machine->count; i++) {
        const struct model_item *item = &machine->items[i];
        const char *found = item->kind == MODEL_ARGUMENTS ? find_argument(&item->words) : NULL;

        if (found)
            return (struct user_network){found, false};
    }
    return (struct user_network){find_argument(&p->given), false};
}

/* True if the list says yes or no to `key`, as `wanted`; QEMU takes four words for each. */
static bool has_truth(const char *options, const char *key, bool wanted)
{
    static const char *const words[2][4] = {{"off", "no", "n", "false"},
                                            {"on", "yes", "y", "true"}};
    size_t length = 0;
    const char *value = qemu_option_item(options, key, &length);

    for (size_t i = 0; value && i < ELEMENTS(words[0]); i++)
        if (strlen(words[wanted][i]) == length && startswith(value, words[wanted][i]))
            return true;
    return false;
}

/* Returns the value of an item; the caller frees. */
static char *item_value(const char *options, const char *key, const char *otherwise)
{
    size_t length = 0;
    const char *value = qemu_option_item(options, key, &length);

    return value ? xstrndup(value, length) : xstrdup(otherwise);
}

/* Sets an address: that of the item, or the one QEMU computes. Returns false for one that is none,
 * which QEMU refuses. */
static bool choose_address(struct in_addr *address, const char *options, const char *key,
                           const struct netspec *network, uint32_t host)
{
    char *given CLEANUP_FREE = item_value(options, key, NULL);

    if (given)
        return inet_pton(AF_INET, given, address) == 1;
    address->s_addr =
        network->address.s_addr | (htonl(host) & ~netspec_mask(network->prefix).s_addr);
    return true;
}

/* Computes the addresses on the network that the options describe. */
static bool compute(struct netspec *spec, const struct user_network *network)
{
    const char *options = network->options;
    char *net CLEANUP_FREE = item_value(options, "net", DEFAULT_NETWORK);
    struct netspec whole;

    if (has_truth(options, "ipv4", false))
        return true; /* there are no addresses */
    if (netspec_parse(&whole, net, NULL) < 0)
        return false;
    whole.address.s_addr &= netspec_mask(whole.prefix).s_addr;
    *spec = (struct netspec){.prefix = whole.prefix};
    if (!choose_address(&spec->address, options, "dhcpstart", &whole, HOST_GUEST))
        return false;
    if (network->restricted || has_truth(options, "restrict", true))
        return true; /* neither the gateway nor the name server answers */
    return choose_address(&spec->gateway, options, "host", &whole, HOST_GATEWAY) &&
           choose_address(&spec->dns, options, "dns", &whole, HOST_DNS);
}

void planner_configure_network(struct planner *p)
{
    const char *name = config_text(p->config, "networking.hostName");
    const struct user_network network = find_network(p);

    if (!config_bool(p->config, "runVm.guestNetwork"))
        return;
    p->params.hostname = name && *name ? xstrdup(name) : NULL;
    if (!network.options || compute(&p->params.network, &network))
        return;
    p->params.network = (struct netspec){0};
    strv_pushf(&p->config->warnings,
               "runVm.guestNetwork: the guest's network is not configured: \"%s\" is expected to "
               "have addresses, and net=ADDRESS/PREFIX",
               network.options);
}
