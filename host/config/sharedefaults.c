/* SPDX-License-Identifier: MIT */
#include "host/config/sharedefaults.h"

#include "base/array.h"
#include "base/text.h"
#include "host/config/config.h"

/* The shares that are built in, and their defaults in every release. */
static const struct {
    const char *tag;
    bool writable;
} built_in[] = {{SHARE_STORE, false}, {SHARE_EXCHANGE, true}, {SHARE_SHARED, true}};

json_t *sharedefaults_writable(const struct scope *scope)
{
    for (size_t i = 0; i < ELEMENTS(built_in); i++)
        if (streq(built_in[i].tag, scope->name))
            return json_boolean(built_in[i].writable);
    return json_boolean(scope->config->release->shares_writable);
}

json_t *sharedefaults_security_model(const struct scope *scope)
{
    for (size_t i = 0; i < ELEMENTS(built_in); i++)
        if (streq(built_in[i].tag, scope->name))
            return json_string("none");
    return json_string(scope->config->release->security_model);
}
