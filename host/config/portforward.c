/* SPDX-License-Identifier: MIT */
#include "host/config/portforward.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/text.h"
#include "host/config/value.h"

/* "" where a problem has left null. */
static const char *text_of(const json_t *rule, const char *key)
{
    const char *text = value_text(rule, key);

    return text ? text : "";
}

static int port_of(const json_t *rule, const char *key)
{
    return (int)json_integer_value(json_object_get(rule, key));
}

void port_forward_decode(struct port_forwards *forwards, const json_t *value)
{
    json_t *rule;
    size_t i;

    json_array_foreach (value, i, rule)
        ARRAY_PUSH(forwards->items, forwards->count,
                   (struct port_forward){
                       .from_guest = streq(text_of(rule, "from"), "guest"),
                       .protocol = text_of(rule, "proto"),
                       .host_address = text_of(rule, "host.address"),
                       .guest_address = text_of(rule, "guest.address"),
                       .host_port = port_of(rule, "host.port"),
                       .automatic = value_text(rule, "host.port") != NULL,
                       .guest_port = port_of(rule, "guest.port"),
                   });
}

void port_forward_add_ssh(struct port_forwards *forwards)
{
    for (size_t i = 0; i < forwards->count; i++) {
        const struct port_forward *rule = &forwards->items[i];

        if (rule->guest_port == PORT_FORWARD_SSH && !rule->from_guest &&
            streq(rule->protocol, "tcp"))
            return;
    }
    ARRAY_PUSH(forwards->items, forwards->count,
               (struct port_forward){.protocol = "tcp",
                                     .host_address = "127.0.0.1",
                                     .guest_address = "",
                                     .automatic = true,
                                     .guest_port = PORT_FORWARD_SSH});
}

void port_forward_free(struct port_forwards *forwards)
{
    free(forwards->items);
    *forwards = (struct port_forwards){0};
}
