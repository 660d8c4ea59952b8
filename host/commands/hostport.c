/* SPDX-License-Identifier: MIT */
#include "host/commands/hostport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/log.h"

int hostport_hold(struct in_addr address, uint16_t *port, struct error *e)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = address};
    struct sockaddr *any = (struct sockaddr *)&at;
    socklen_t length = sizeof at;
    const int on = 1;
    int fd CLEANUP_CLOSE = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, any, length) < 0 || getsockname(fd, any, &length) < 0)
        return error_errno(e, errno, "address %s: no port can be chosen", inet_ntoa(address));
    *port = ntohs(at.sin_port);
    (void)TAKE_FD(fd); /* held until run-vm ends */
    return 0;
}

static int choose(struct port_forward *forward, struct error *e)
{
    struct in_addr address = {.s_addr = INADDR_ANY};
    uint16_t port = 0;

    (void)inet_aton(forward->host_address, &address); /* "" is every address */
    int r = hostport_hold(address, &port, e);
    if (r < 0)
        return r;
    forward->host_port = port;
    log_info("port %u of the guest is port %u of the host, at %s",
             (unsigned int)forward->guest_port, port,
             *forward->host_address ? forward->host_address : "every address");
    return 0;
}

int hostport_choose(struct port_forwards *forwards, struct error *e)
{
    int r = 0;

    for (size_t i = 0; i < forwards->count && r == 0; i++) {
        struct port_forward *forward = &forwards->items[i];

        if (forward->automatic)
            r = choose(forward, e);
    }
    return r;
}
