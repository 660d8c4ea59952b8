/* SPDX-License-Identifier: MIT */
/* udp-answer PORT TEXT: prints the first datagram that arrives at the port, and answers with TEXT.
 * The guests' busybox has no UDP server. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct sockaddr_in own = {.sin_family = AF_INET};
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    char text[1024];
    ssize_t length;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (argc != 3 || fd < 0)
        return 2;
    own.sin_port = htons((in_port_t)atoi(argv[1]));
    if (bind(fd, (struct sockaddr *)&own, sizeof own) < 0)
        return 1;
    length = recvfrom(fd, text, sizeof text, 0, (struct sockaddr *)&peer, &size);
    if (length < 0 || write(STDOUT_FILENO, text, (size_t)length) < 0)
        return 1;
    return sendto(fd, argv[2], strlen(argv[2]), 0, (struct sockaddr *)&peer, size) < 0;
}
