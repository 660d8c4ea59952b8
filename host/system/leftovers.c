/* SPDX-License-Identifier: MIT */
#include "host/system/leftovers.h"

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/strv.h"
#include "host/system/process.h"
#include "host/system/tree.h"

/* The memory that the exit needs: names, directories being read, a message. */
#define RESERVE ((size_t)1 << 20)

static struct strv noted;
static void *reserve;

void leftovers_note(const char *path)
{
    strv_push(&noted, path);
}

static void end(void)
{
    static bool ending;
    if (!ending) {
        ending = true;
        free(reserve);
        log_error("out of memory: no unfinished file is left; give run-vm more (ulimit -v, the "
                  "memory of its control group), or something smaller");
        for (size_t i = noted.count; i > 0; i--) {
            (void)unlink(noted.items[i - 1]);
            (void)tree_remove(noted.items[i - 1], NULL);
        }
    }
    _exit(STATUS_OUT_OF_MEMORY);
}

void leftovers_end_out_of_memory(void)
{
    reserve = malloc(RESERVE);
    alloc_out_of_memory = end;
    /* jansson's functions would each handle a failure in their own way */
    json_set_alloc_funcs(xmalloc, free);
}
