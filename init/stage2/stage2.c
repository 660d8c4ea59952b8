/* SPDX-License-Identifier: MIT */
#include "init/stage2/stage2.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/strv.h"
#include "common/report.h"
#include "init/console.h"
#include "init/inroot.h"
#include "init/mount/apimounts.h"
#include "init/report.h"
#include "init/signals.h"
#include "init/stage2/initramfs.h"

/* Returns 0 if `path` can be stage 2, else a negative errno. */
static int check_program(int root, const char *path)
{
    struct stat s;
    int fd CLEANUP_CLOSE = inroot_open(root, path, O_PATH, 0);
    if (fd < 0)
        return fd;
    if (fstat(fd, &s) < 0)
        return -errno;
    if (S_ISDIR(s.st_mode))
        return -EISDIR;
    return S_ISREG(s.st_mode) && (s.st_mode & 0111) ? 0 : -EACCES;
}

char *stage2_find(int root, const char *init, struct error *e)
{
    static const char *const defaults[] = {"/init", "/sbin/init"};
    if (init) {
        int r = *init == '/' ? check_program(root, init) : -EINVAL;
        if (r == 0)
            return xstrdup(init);
        (void)(r == -EINVAL
                   ? error_set(e, r, "stage 2 (init=%s) is not an absolute path", init)
                   : error_errno(e, -r, "stage 2 (init=%s) cannot be started from the root", init));
        return NULL;
    }
    for (size_t i = 0; i < ELEMENTS(defaults); i++)
        if (check_program(root, defaults[i]) == 0)
            return xstrdup(defaults[i]);
    (void)error_set(e, -ENOENT,
                    "there is no stage 2: init= is not given, and the root has neither an "
                    "executable /init nor /sbin/init");
    return NULL;
}

/* Kills the programs of the initramfs, whose files are about to be deleted. */
static void end_processes(void)
{
    (void)kill(-1, SIGKILL);
    pid_t ended;
    do
        ended = waitpid(-1, NULL, 0);
    while (ended > 0 || (ended < 0 && errno == EINTR));
}

/* Moves the new root over "/": pivot_root(2) does not work on an initramfs. */
static int enter_root(const char *path, struct error *e)
{
    /* a shared mount cannot be moved; a program that started init may have made it shared */
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return error_errno(e, errno, "the mounts cannot be made private");
    int r = apimounts_move(path, e);
    if (r < 0)
        return r;
    if (chdir(path) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
        chdir("/") < 0)
        return error_errno(e, errno, "%s cannot become the root", path);
    return 0;
}

int stage2_execute(const char *stage2, const struct strv *arguments, struct error *e)
{
    char *const environment[] = {NULL};
    struct strv argv CLEANUP_STRV = {0};
    strv_push(&argv, stage2);
    strv_extend(&argv, arguments);
    signals_reset();
    report_clock();
    report_mark(REPORT_STARTED, "", "");
    report_close();
    (void)execve(stage2, argv.items, environment);
    return error_errno(e, errno,
                       "stage 2 %s cannot be started (ENOENT may mean the interpreter or loader "
                       "that it names)",
                       stage2);
}

int stage2_enter(const char *path, struct error *e)
{
    struct error why CLEANUP_ERROR = {0};
    int initramfs CLEANUP_CLOSE = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int root CLEANUP_CLOSE = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (initramfs < 0 || root < 0)
        return error_errno(e, errno, "the old and the new root cannot be opened");
    end_processes();
    int deletable = initramfs_check(initramfs, root, &why);
    int r = enter_root(path, e);
    if (r < 0)
        return r;
    console_become_standard();
    if (deletable == 0)
        initramfs_delete(initramfs);
    else
        log_warning("the initramfs stays in memory: %s", why.message);
    return 0;
}
