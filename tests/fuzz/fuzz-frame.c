/* SPDX-License-Identifier: MIT */
/* A hostile guest's bytes, in pieces: frames come out within their limits, or the reading ends. */
#include "common/frame.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t step = data[0] + 1U;
    struct frame_reader reader CLEANUP_FRAME_READER = {0};
    for (size_t at = 1; at < size; at += step) {
        size_t count = step < size - at ? step : size - at;
        size_t room = count;
        (void)memcpy(frame_reader_room(&reader, &room), data + at, count);
        must(room >= count);
        frame_reader_fill(&reader, count);

        struct frame frame;
        int r;
        while ((r = frame_reader_next(&reader, &frame, NULL)) == 1) {
            must(frame.length <= FRAME_MAX);
            volatile unsigned char touched = 0;
            for (size_t i = 0; i < frame.length; i++)
                touched = frame.payload[i];
            (void)touched;
        }
        if (r < 0)
            return 0;
        must(reader.size <= FRAME_HEADER + FRAME_MAX + 2 * 256);
    }
    return 0;
}
