/* SPDX-License-Identifier: MIT */
#include "host/config/netcard.h"

#include <stdlib.h>

void netcard_free(struct netcards *cards)
{
    free(cards->items);
    *cards = (struct netcards){0};
}
