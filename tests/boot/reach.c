/* SPDX-License-Identifier: MIT */
/* reach tcp|udp ADDRESS PORT NAME: sends NAME to the port; exits with 0 if it comes back within 20
 * seconds, else with 1. The guests' busybox has no UDP client. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/text.h"

int main(int argc, char **argv)
{
    static const struct timeval patience = {.tv_sec = 20};
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *to = NULL;
    char name[64];
    char answer[sizeof name] = "";
    ssize_t got;
    int fd;

    if (argc != 5)
        return 2;
    hints.ai_socktype = !streq(argv[1], "udp") ? SOCK_STREAM : SOCK_DGRAM;
    if (getaddrinfo(argv[2], argv[3], &hints, &to))
        return 2;
    fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0)
        return 2;
    (void)snprintf(name, sizeof name, "%s\n", argv[4]);
    if (connect(fd, to->ai_addr, to->ai_addrlen) < 0 || send(fd, name, strlen(name), 0) < 0) {
        perror(argv[4]);
        return 1;
    }
    got = recv(fd, answer, sizeof answer - 1, 0);
    if (got < 0)
        perror(argv[4]);
    return got <= 0 || !streq(answer, name);
}
