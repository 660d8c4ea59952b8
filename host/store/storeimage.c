/* SPDX-License-Identifier: MIT */
#include "host/store/storeimage.h"

#include "host/store/storefile.h"
#include "host/store/storepaths.h"
#include "host/store/storeview.h"

int storeimage_get(struct cache_entry *entry, const struct storeimage *image, const char *fallback,
                   struct error *e)
{
    struct storepaths paths CLEANUP_STOREPATHS = {0};
    int r = storepaths_read(&paths, image->list, image->roots, image->prefix, fallback, e);
    if (r == 0)
        r = image->packed ? storeview_get(entry, &paths, fallback, e)
                          : storefile_get(entry, &paths, fallback, e);
    return r < 0 ? error_context(e, r, "store image") : 0;
}
