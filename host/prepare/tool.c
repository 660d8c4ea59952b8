/* SPDX-License-Identifier: MIT */
#include "host/prepare/tool.h"

#include "base/text.h"
#include "host/system/process.h"
#include "host/system/progress.h"

/* The interval between two looks at the progress, in milliseconds. */
#define INTERVAL 500

static void show(void *context)
{
    progress_show(context, 0);
}

int tool_run(const struct strv *argv, const struct strv *environment, struct error *e)
{
    const struct process tool = {
        .argv = argv, .environment = environment, .input = -1, .output = -1};
    struct progress progress =
        progress_start(text_after_last(argv->items[0], '/'), "takes a moment", PROGRESS_TIME, 0);
    const struct process_watch watch = {.tick = show, .context = &progress, .interval = INTERVAL};
    pid_t pid = process_start(&tool, e);
    int r = pid < 0 ? (int)pid : process_watch(pid, argv->items[0], &watch, e);
    progress_end(&progress);
    return r;
}

int tool_run_words(const char *const *words, size_t count, struct error *e)
{
    struct strv argv CLEANUP_STRV = {0};
    for (size_t i = 0; i < count; i++)
        strv_push(&argv, words[i]);
    return tool_run(&argv, NULL, e);
}

int tool_to_qcow2(const char *qemu_img, const char *raw, const char *image, struct error *e)
{
    const char *const words[] = {qemu_img, "convert", "-f", "raw", "-O", "qcow2", raw, image};
    return tool_run_words(words, ELEMENTS(words), e);
}
