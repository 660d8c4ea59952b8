/* SPDX-License-Identifier: MIT */
#include "host/commands/sshport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "host/config/portforward.h"

/* Times in milliseconds: between two attempts, and that the first one has. One that gets no answer
 * has less than the next: a slow guest needs long for a greeting, and one that has no network yet
 * may never answer what was sent before. */
#define PAUSE         200
#define FIRST_ATTEMPT 1000

/* Begins every greeting of an SSH server. */
#define GREETING "SSH-"

/* The file of the guest's host keys, in the machine's directory, which ends with the machine. */
#define HOST_KEYS "known_hosts"

char *sshport_quote(const char *path)
{
    char *escaped CLEANUP_FREE = text_escape(path, "%", TEXT_DOUBLED);
    char *quoted CLEANUP_FREE = text_escape(escaped, "\\\"", TEXT_BACKSLASH);
    return xasprintf("\"%s\"", quoted);
}

const json_t *sshport_find(const struct registry_machine *machine)
{
    size_t index;
    json_t *port;
    json_array_foreach (json_object_get(machine->facts, "ports"), index, port) {
        const char *protocol = json_string_value(json_object_get(port, "protocol"));
        if (json_integer_value(json_object_get(port, "guestPort")) == PORT_FORWARD_SSH &&
            (!protocol || streq(protocol, "tcp")))
            return port;
    }
    return NULL;
}

static const char *find_address(const json_t *port)
{
    const char *address = json_string_value(json_object_get(port, "hostAddress"));
    return !address || !*address || streq(address, "0.0.0.0") ? "127.0.0.1" : address;
}

static json_int_t find_number(const json_t *port)
{
    return json_integer_value(json_object_get(port, "hostPort"));
}

/* True if an SSH server greets before the time `end`. */
static bool greets(const struct sockaddr_in *at, int64_t end)
{
    char greeting[sizeof GREETING - 1];
    size_t length = 0;
    int fd CLEANUP_CLOSE = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 ||
        (connect(fd, (const struct sockaddr *)at, sizeof *at) < 0 && errno != EINPROGRESS))
        return false;
    while (length < sizeof greeting) {
        int64_t left = end - clock_milliseconds();
        struct pollfd polled = {fd, POLLIN, 0};
        if (left <= 0 || poll(&polled, 1, (int)left) <= 0)
            return false;
        ssize_t n = recv(fd, greeting + length, sizeof greeting - length, 0);
        if (n <= 0)
            return false;
        length += (size_t)n;
    }
    return memcmp(greeting, GREETING, sizeof greeting) == 0;
}

int sshport_wait(const struct agentclient_machine *machine, const json_t *port, struct error *e)
{
    const char *name = machine->found->name;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)find_number(port))};
    int64_t end = machine->end;
    int64_t attempt = FIRST_ATTEMPT;
    if (!inet_aton(find_address(port), &at.sin_addr))
        return error_set(e, -EINVAL, "%s: the port of its sshd is at %s, expected an IPv4 address",
                         name, find_address(port));
    for (int64_t now; (now = clock_milliseconds()) < end;) {
        int64_t last = now + attempt < end ? now + attempt : end;
        if (greets(&at, last))
            return 0;
        if (clock_milliseconds() >= last)
            attempt *= 2;
        if (!registry_is_running(machine->found))
            return error_set(e, -ESRCH, "%s: the machine has ended", name);
        (void)poll(NULL, 0, PAUSE);
    }
    return error_set(e, -ETIMEDOUT,
                     "%s: no sshd answers at port %d of the guest, which is port %d here: the "
                     "guest needs an sshd that runs, and its network; --wait SECONDS waits longer "
                     "than %d s",
                     name, PORT_FORWARD_SSH, (int)find_number(port), machine->patience / 1000);
}

/* The port is the machine's as long as it is listed, so that the host key which is seen first is
 * the guest's: ssh accepts it, and no other one until the machine ends. */
static void push_host_keys(struct strv *argv, const struct registry_machine *machine)
{
    char *file CLEANUP_FREE = xasprintf("%s/" HOST_KEYS, machine->directory);
    char *quoted CLEANUP_FREE = sshport_quote(file);
    strv_push(argv, "-oStrictHostKeyChecking=accept-new");
    strv_pushf(argv, "-oUserKnownHostsFile=%s", quoted);
    strv_pushf(argv, "-oHostKeyAlias=%s", machine->name);
}

void sshport_push(struct strv *argv, const struct registry_machine *machine, const json_t *port)
{
    static const char *const keys[] = {"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"};
    push_host_keys(argv, machine);
    /* with many keys of an ssh-agent's, the guest would hang up before it is offered the right one
     */
    if (json_is_true(json_object_get(machine->facts, "sshKey")))
        strv_push(argv, "-oIdentitiesOnly=yes");
    for (size_t i = 0; i < ELEMENTS(keys); i++)
        strv_pushf(argv, "-oIdentityFile=%s", keys[i]);
    strv_pushf(argv, "-oHostName=%s", find_address(port));
    strv_pushf(argv, "-oPort=%" JSON_INTEGER_FORMAT, find_number(port));
    strv_push(argv, "-oProxyCommand=none");
}
