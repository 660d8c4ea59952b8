/* SPDX-License-Identifier: MIT */
#include "host/config/share.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/text.h"
#include "host/config/value.h"

static const char *const transport_names[] = {[SHARE_9P] = "9p", [SHARE_VIRTIOFS] = "virtiofs"};

void share_decode(struct shares *shares, json_t *value, const json_t *settings,
                  const char *transport, const char *store)
{
    const char *tag;
    json_t *share;

    shares->items = xcalloc(json_object_size(value), sizeof *shares->items);
    json_object_foreach (value, tag, share) {
        const char *own = value_text(json_object_get(settings, tag), "transport");
        const char *usual = streq(tag, SHARE_STORE) ? store : transport;
        struct share *decoded = &shares->items[shares->count++];

        *decoded = (struct share){
            .tag = tag,
            .source = value_text(share, "source"),
            .target = value_text(share, "target"),
            .transport = streq(own ? own : usual, "virtiofs") ? SHARE_VIRTIOFS : SHARE_9P,
            .writable = json_is_true(json_object_get(share, "writable")),
            .security_model = value_text(share, "securityModel"),
        };
        value_texts(&decoded->options, json_object_get(share, "options"));
    }
}

const struct share *share_find(const struct shares *shares, const char *tag)
{
    for (size_t i = 0; i < shares->count; i++)
        if (streq(shares->items[i].tag, tag))
            return &shares->items[i];
    return NULL;
}

const char *share_transport_name(enum share_transport transport)
{
    return transport_names[transport];
}

void share_free(struct shares *shares)
{
    for (size_t i = 0; i < shares->count; i++)
        strv_free(&shares->items[i].options);
    free(shares->items);
    *shares = (struct shares){0};
}
