/* SPDX-License-Identifier: MIT */
#include "host/commands/networkoption.h"

int networkoption_none(struct setting_value *value, const char *argument, struct error *e)
{
    (void)argument;
    (void)e;
    value->value =
        json_pack("{s:s, s:i, s:[]}", "_type", "override", "priority", PRIORITY_MACHINE, "content");
    return 0;
}
