/* SPDX-License-Identifier: MIT */
#include "init/exec/thaw.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "init/exec/execport.h"

#define SECOND 1000000000

/* Mixes the seed into the kernel's pool, and has the kernel derive its generator's key from the
 * pool at once: by itself it would go on with the saved key for up to a minute. */
static int seed(const unsigned char bytes[FRAME_SEED], struct error *e)
{
    struct {
        struct rand_pool_info info;
        unsigned char bytes[FRAME_SEED];
    } entropy = {.info = {.entropy_count = FRAME_SEED * 8, .buf_size = FRAME_SEED}};
    (void)memcpy(entropy.bytes, bytes, FRAME_SEED);
    int fd CLEANUP_CLOSE = open("/dev/urandom", O_RDWR | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, RNDADDENTROPY, &entropy) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0)
        return error_errno(e, errno, "vm.warm: the random numbers cannot be seeded");
    return 0;
}

static void set_clock(int64_t time)
{
    const struct timespec now = {.tv_sec = time / SECOND, .tv_nsec = time % SECOND};
    if (clock_settime(CLOCK_REALTIME, &now) < 0)
        log_warning("vm.warm: the clock cannot be set: %s", strerror(errno));
}

/* RNDRESEEDCRNG is of Linux 4.17. */
static bool can_be_seeded(void)
{
    int fd CLEANUP_CLOSE = open("/dev/urandom", O_RDWR | O_CLOEXEC);
    return fd >= 0 && (ioctl(fd, RNDRESEEDCRNG) == 0 || (errno != EINVAL && errno != ENOTTY));
}

int thaw_wait(uint64_t timeout, const char *obstacle, struct frame_thaw *thaw, struct error *e)
{
    if (!obstacle && !can_be_seeded())
        obstacle = "the kernel's random numbers cannot be seeded anew (Linux 4.17)";
    int r = execport_freeze(timeout, obstacle, thaw, e);
    if (r == 0 && !obstacle)
        r = seed(thaw->seed, e);
    if (r < 0)
        return r;
    set_clock(thaw->time);
    return execport_thawed(e);
}
