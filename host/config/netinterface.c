/* SPDX-License-Identifier: MIT */
#include "host/config/netinterface.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"
#include "common/ifname.h"
#include "host/config/builtin.h"
#include "host/config/value.h"

#define INTERFACES "virtualisation.interfaces"
#define ALL        "virtualisation.allInterfaces"

/* --- types --- */

/* One byte of a network card's address. */
const struct type netinterface_network = {
    .kind = TYPE_INTEGER, .name = "unsigned integer, from 0 to 255", .min = 0, .max = 255};

static const struct type type_name = {
    .kind = TYPE_TEXT,
    .name = "name of a network interface (at most 15 bytes, without white space, / and :)",
    .check = ifname_is_valid};

static const struct option rows[] = {
    {"name", &type_name, .define = builtin_entry_name, .shown = "the entry's name",
     .help = "The interface's name in the guest."},
    {"vlan", &netinterface_network, .help = "The virtual network that the card is on."},
    {"assignIP", &type_bool, "false",
     .help = "Read by the guest's configuration; no effect on run-vm."},
};

static const struct type type_interface = {.kind = TYPE_SUBMODULE,
                                           .name = "set of name, vlan and assignIP",
                                           .options = rows,
                                           .option_count = ELEMENTS(rows)};

const struct type netinterface_type = {
    .kind = TYPE_ATTRS, .name = "attribute set of network interfaces", .element = &type_interface};

/* --- defaults --- */

json_t *netinterface_vlans(const struct scope *scope)
{
    return json_object_size(config_get(scope->config, INTERFACES)) ? json_array()
                                                                   : json_pack("[i]", 1);
}

json_t *netinterface_all(const struct scope *scope)
{
    json_t *all = json_object();
    json_t *interfaces = config_get(scope->config, INTERFACES);
    json_t *number;
    size_t i;

    json_array_foreach (config_get(scope->config, "virtualisation.vlans"), i, number) {
        char *name CLEANUP_FREE = xasprintf("eth%zu", i + 1);
        char *option CLEANUP_FREE = xasprintf(INTERFACES ".%s", name);

        if (json_object_get(interfaces, name))
            config_problem(scope->config, option,
                           "is the interface of an entry of virtualisation.vlans too, expected "
                           "another name");
        json_object_set_new(all, name, json_pack("{s:s,s:O}", "name", name, "vlan", number));
    }
    json_object_update(all, interfaces);
    return all;
}

/* --- decoding --- */

static bool has_name(const struct netcards *cards, const char *name)
{
    for (size_t i = 0; i < cards->count; i++)
        if (streq(cards->items[i].name, name))
            return true;
    return false;
}

static void add(struct config *config, const char *key, json_t *value)
{
    struct netcards *cards = &config->cards;
    const char *name = value_text(value, "name");

    if (!name || !json_is_integer(json_object_get(value, "vlan")))
        return; /* a problem is noted */
    if (has_name(cards, name)) {
        char *option CLEANUP_FREE = xasprintf(ALL ".%s.name", key);

        config_text_problem(config, option, name, "is another interface's name too");
    }
    cards->items[cards->count++] = (struct netcard){
        .name = name, .network = (unsigned int)json_integer_value(json_object_get(value, "vlan"))};
}

/* Takes the interfaces in the order of an attribute set, which decides the ids of the networks.
 * vlans alone keep their own order, in which eth10 is not before eth2: a guest that does not name
 * its cards by their addresses counts them. */
void netinterface_decode(struct config *config, json_t *value)
{
    size_t count;
    const char **keys = value_keys(value, &count);
    bool vlans_only =
        !config_is_set(config, ALL) && !json_object_size(config_get(config, INTERFACES));
    const char *key;
    json_t *entry;

    config->cards.items = xcalloc(count, sizeof *config->cards.items);
    if (vlans_only)
        json_object_foreach (value, key, entry)
            add(config, key, entry);
    for (size_t i = 0; i < count && !vlans_only; i++)
        add(config, keys[i], json_object_get(value, keys[i]));
    free(keys);
}
