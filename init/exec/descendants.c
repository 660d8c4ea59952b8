/* SPDX-License-Identifier: MIT */
#include "init/exec/descendants.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/file.h"

void descendants_mark(struct descendant *all, size_t count, pid_t ancestor)
{
    bool more = true;
    while (more) {
        more = false;
        for (size_t i = 0; i < count; i++) {
            bool ours = all[i].parent == ancestor;
            for (size_t j = 0; !ours && !all[i].ours && j < count; j++)
                ours = all[j].ours && all[j].pid == all[i].parent;
            more |= ours && !all[i].ours;
            all[i].ours |= ours;
        }
    }
}

/* Reads the parent of a process; 0: it has ended. */
static pid_t read_parent(const char *pid)
{
    char *path CLEANUP_FREE = xasprintf("/proc/%s/stat", pid);
    char *text CLEANUP_FREE = file_read(path, FILE_LIMIT, NULL, NULL);
    const char *name_end = text ? strrchr(text, ')') : NULL; /* a name may have any characters */
    int parent = 0;
    if (!name_end || sscanf(name_end, ") %*c %d", &parent) != 1)
        return 0;
    return parent;
}

/* Lists all processes with their parents; the caller frees. */
static struct descendant *list_all(size_t *count)
{
    struct descendant *all = NULL;
    DIR *directory = opendir("/proc");
    *count = 0;
    for (const struct dirent *entry; directory && (entry = readdir(directory));) {
        struct descendant process = {.pid = atoi(entry->d_name)};
        process.parent = process.pid > 0 ? read_parent(entry->d_name) : 0;
        if (process.parent > 0)
            ARRAY_PUSH(all, *count, process);
    }
    if (directory)
        (void)closedir(directory);
    return all;
}

size_t descendants_kill(int number)
{
    size_t count;
    size_t killed = 0;
    struct descendant *all CLEANUP_FREE = list_all(&count);
    descendants_mark(all, count, getpid());
    for (size_t i = 0; i < count; i++)
        if (all[i].ours && kill(all[i].pid, number) == 0)
            killed++;
    return killed;
}
