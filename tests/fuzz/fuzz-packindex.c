/* SPDX-License-Identifier: MIT */
/* Any index of the pack is read up to its first bad line: the pieces have their own places behind
 * each other, and each is found. The checksum of each line is made right, or nothing gets past it.
 */
#include <inttypes.h>

#include "base/array.h"
#include "host/store/crc32c.h"
#include "host/store/erofsdisk.h"
#include "host/store/packindex.h"
#include "tests/fuzz/fuzz.h"

/* Returns the input's lines, each behind its checksum; the caller frees. */
static char *seal(const uint8_t *data, size_t size)
{
    char *input CLEANUP_FREE = fuzz_text(data, size);
    char *sealed = xstrdup("");
    char *rest = input;
    for (char *line; (line = strsep(&rest, "\n"));) {
        char *before CLEANUP_FREE = sealed;
        sealed = xasprintf("%s%08" PRIx32 " %s%s", before, crc32c(UINT32_MAX, line, strlen(line)),
                           line, rest ? "\n" : "");
    }
    return sealed;
}

static void check_piece(const struct packindex *index, size_t i)
{
    const struct packindex_piece *piece = &index->pieces[i];
    uint64_t least = PACKINDEX_HEAD;
    if (i > 0)
        least = index->pieces[i - 1].piece.base + index->pieces[i - 1].piece.bytes;
    must(piece->piece.base >= least && piece->piece.base % PACKINDEX_CLUSTER == 0);
    must(piece->piece.bytes > 0 && piece->piece.base + piece->piece.bytes <= EROFS_MAX_BYTES);
    must(*piece->name && *piece->identity);
    const struct packindex_piece *found = packindex_find(index, piece->name, piece->identity);
    must(found && strcmp(found->name, piece->name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct packindex index CLEANUP_PACKINDEX = {0};
    char *text CLEANUP_FREE = seal(data, size);
    size_t length = strlen(text);
    if (packindex_parse(&index, text) < 0)
        return 0;
    must(index.good > 0 && (size_t)index.good <= length);
    must(index.end >= PACKINDEX_HEAD && index.end % PACKINDEX_CLUSTER == 0);
    for (size_t i = 0; i < index.count; i++)
        check_piece(&index, i);
    return 0;
}
