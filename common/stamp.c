/* SPDX-License-Identifier: MIT */
#include "common/stamp.h"

#include <string.h>

/* No filesystem or partition table has its magic at these offsets: libblkid and other tools find
 * nothing. */
static const char magic[32] = "run-vm: blank but for this line\n";

/* Characters of a word, which is passed on the kernel's command line. */
static const char characters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

void stamp_encode(const char *word, uint8_t sector[STAMP_SECTOR])
{
    memset(sector, 0, STAMP_SECTOR);
    memcpy(sector, magic, sizeof magic);
    memcpy(sector + sizeof magic, word, strnlen(word, STAMP_WORD));
}

bool stamp_decode(const uint8_t sector[STAMP_SECTOR], char word[STAMP_WORD + 1])
{
    uint8_t expected[STAMP_SECTOR];
    memcpy(word, sector + sizeof magic, STAMP_WORD);
    word[STAMP_WORD] = '\0';
    stamp_encode(word, expected);
    return strspn(word, characters) == STAMP_WORD && memcmp(sector, expected, STAMP_SECTOR) == 0;
}
