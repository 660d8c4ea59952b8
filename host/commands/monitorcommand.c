/* SPDX-License-Identifier: MIT */
#include "host/commands/monitorcommand.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/queue.h"
#include "host/run/qmplines.h"
#include "host/run/registry.h"
#include "host/system/message.h"
#include "host/system/output.h"
#include "host/system/process.h"

/* The exit status if QEMU has refused a command, or a line was none. */
#define STATUS_REFUSED 1

/* Time that QEMU has to greet, in milliseconds. It greets one client at a time. */
#define GREETING_TIME 5000

/* The most that is read while an answer is awaited, in bytes. */
#define MOST_INPUT 65536

#define MEMBER(name) offsetof(struct monitorcommand_options, name)

static const struct commandline_option option_table[] = {
    {"help", 'h', COMMANDLINE_HELP, 0, NULL, .help = "print this"},
};
const struct commandline monitorcommand_syntax = {.options = option_table,
                                                  .count = ELEMENTS(option_table),
                                                  .words = "[NAME]",
                                                  .words_offset = MEMBER(words),
                                                  .words_most = 1};

struct monitor {
    const char *name;       /* of the machine */
    struct qmplines *lines; /* NULL: QEMU has closed the connection */
    struct queue input;
    bool input_ended;
    bool greeted; /* QEMU takes commands */
    bool waits;   /* for an answer */
    int status;
};

/* Reads a line: a command's name, a name and its arguments as JSON, or a whole message. Returns
 * NULL with the reason if it is none. */
static json_t *read_command(const char *line, struct error *e)
{
    json_error_t why;
    size_t length = strcspn(line, " \t");
    const char *rest = line + length + strspn(line + length, " \t");
    bool whole = *line == '{';
    const char *text = whole ? line : rest;
    json_t *object = *text ? json_loads(text, JSON_REJECT_DUPLICATES, &why) : json_object();
    if (!json_is_object(object)) {
        (void)error_set(e, -EINVAL, "\"%s\": %s; expected COMMAND, COMMAND {ARGUMENTS} or JSON",
                        line, object ? "is no JSON object" : why.text);
        json_decref(object);
        return NULL;
    }
    if (whole)
        return object;
    json_t *command = json_pack("{s:s%}", "execute", line, length);
    if (!command)
        (void)error_set(e, -EINVAL, "a line of the standard input is no UTF-8");
    if (command && json_object_size(object))
        (void)json_object_set(command, "arguments", object);
    json_decref(object);
    return command;
}

/* Sends a line's command. An empty line is none. */
static void send_line(struct monitor *m, char *line)
{
    struct error e CLEANUP_ERROR = {0};
    line += strspn(line, " \t");
    line[strcspn(line, "\r")] = '\0';
    if (!*line)
        return;
    json_t *command = read_command(line, &e);
    int r = command ? qmplines_send(m->lines, command) : -EINVAL;
    json_decref(command);
    if (command && r < 0)
        (void)error_errno(&e, -r, "\"%s\" cannot be sent to QEMU's monitor", line);
    m->waits = r == 0;
    if (r < 0)
        (void)error_context(&e, r, "%s", m->name);
    if (r < 0)
        m->status = message_report(&e, command ? STATUS_IO : STATUS_REFUSED);
}

/* Sends commands, one after the other: the answer to each comes before the next is sent. */
static void send_commands(struct monitor *m)
{
    while (m->lines && m->greeted && !m->waits) {
        size_t length = queue_length(&m->input);
        const char *text = (const char *)queue_front(&m->input);
        const char *end = length ? memchr(text, '\n', length) : NULL;
        if (!end && !(m->input_ended && length))
            return;
        size_t line_length = end ? (size_t)(end - text) : length;
        char *line CLEANUP_FREE = xstrndup(text, line_length);
        queue_drop(&m->input, line_length + (end ? 1 : 0));
        send_line(m, line);
    }
}

static void print_message(struct monitor *m, const json_t *message)
{
    bool refused = json_object_get(message, "error") != NULL;
    bool answer = refused || json_object_get(message, "return");
    if (answer && !m->greeted) {
        m->greeted = true; /* it is the answer to qmplines.h's own command */
        return;
    }
    if (json_object_get(message, "QMP"))
        return;
    (void)json_dumpf(message, stdout, JSON_COMPACT);
    (void)putchar('\n');
    (void)fflush(stdout);
    m->waits = m->waits && !answer;
    if (refused)
        m->status = STATUS_REFUSED;
}

static void read_monitor(struct monitor *m)
{
    bool open = qmplines_read(m->lines);
    json_t *message;
    while ((message = qmplines_next(m->lines))) {
        print_message(m, message);
        json_decref(message);
    }
    if (!open)
        qmplines_close(&m->lines);
}

static void read_input(struct monitor *m)
{
    char bytes[4096];
    ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
    if (got > 0)
        queue_append(&m->input, bytes, (size_t)got);
    else if (got == 0 || (errno != EINTR && errno != EAGAIN))
        m->input_ended = true;
}

/* Waits for QEMU's greeting. Returns 0 or a negative errno with the reason. */
static int await_greeting(struct monitor *m, struct error *e)
{
    int64_t until = clock_milliseconds() + GREETING_TIME;
    while (m->lines && !m->greeted) {
        int left = clock_left(until);
        struct pollfd polled = {qmplines_fd(m->lines), POLLIN, 0};
        if (left == 0)
            return error_set(e, -EBUSY,
                             "%s: QEMU's monitor does not answer: another program is connected to "
                             "it, such as a second run-vm monitor",
                             m->name);
        if (poll(&polled, 1, left) > 0)
            read_monitor(m);
    }
    return m->lines ? 0 : error_set(e, -ECONNRESET, "%s: it has ended", m->name);
}

/* Passes lines on until the input ends and everything is answered, or QEMU exits. */
static void converse(struct monitor *m)
{
    send_commands(m);
    while (m->lines && (m->waits || !m->input_ended)) {
        bool room = !m->input_ended && (!m->waits || queue_length(&m->input) < MOST_INPUT);
        struct pollfd polled[] = {{room ? STDIN_FILENO : -1, POLLIN, 0},
                                  {qmplines_fd(m->lines), POLLIN, 0}};
        if (poll(polled, ELEMENTS(polled), -1) < 0 && errno != EINTR)
            return;
        if (polled[0].revents)
            read_input(m);
        if (polled[1].revents)
            read_monitor(m);
        send_commands(m);
    }
}

int monitorcommand_run(void *values)
{
    const struct monitorcommand_options *options = values;
    struct registry_machine machine CLEANUP_MACHINE = {0};
    struct error e CLEANUP_ERROR = {0};
    if (registry_find(&machine, options->words.count ? options->words.items[0] : NULL, &e) < 0)
        return message_report(&e, STATUS_IO);
    const char *path = registry_text(&machine, "monitor");
    struct monitor m = {.name = machine.name};
    if (!path)
        (void)error_set(&e, -ESRCH, "%s: QEMU does not run yet; see run-vm list", machine.name);
    else
        m.lines = qmplines_connect(path, &e);
    if (!m.lines || await_greeting(&m, &e) < 0) {
        qmplines_close(&m.lines);
        return message_report(&e, STATUS_IO);
    }
    if (isatty(STDIN_FILENO))
        log_info("%s: QEMU's monitor; type COMMAND or COMMAND {ARGUMENTS}, Ctrl-D to leave it",
                 machine.name);
    converse(&m);
    if (m.waits)
        log_error("%s: QEMU has exited without an answer", machine.name);
    qmplines_close(&m.lines);
    queue_free(&m.input);
    int status = output_finish();
    return m.waits ? STATUS_IO : m.status ? m.status : status;
}
