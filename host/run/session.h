/* SPDX-License-Identifier: MIT */
/* A session with a command in the guest: the host's end of the channel (common/channel.h,
 * common/frame.h). Its streams are connected to descriptors of the host, and to a terminal if there
 * is one. The caller makes the connection, and polls. */
#pragma once

#include <poll.h>
#include <signal.h>
#include <stdbool.h>

#include "base/error.h"
#include "common/channel.h"
#include "host/plan/guestcommand.h"

/* The descriptors that the command's standard streams are connected to. */
struct session_streams {
    int input;
    int output;
    int errors;
};

struct session {
    struct channel channel;
    int connection; /* non-blocking; -1: there is none yet, or no longer */
    int resizes;    /* a signalfd */
    int ends[STREAM_COUNT];
    int reopened[2]; /* the output's and the errors' terminals, opened again; -1: they are none */
    sigset_t mask;   /* before the session */
    void (*pipes)(int);
    bool terminal;
    size_t matched; /* bytes at the end of the output that may begin a sequence which … */
    bool modes;     /* … sets a mode of the terminal, as the command has done */
    struct {
        bool waits;  /* the guest (vm.warm) has not begun the run, and takes FRAME_THAW alone */
        bool frozen; /* it has asked for that frame */
        bool begun;  /* it has begun the run, and waits for the request */
    } warm;
    bool ready;   /* the guest has started the command */
    bool unheard; /* the guest has not accepted a signal that it was sent */
    bool done;    /* the guest has sent its last frame, which sets one of these: */
    int status;   /* the command's; -1: none */
    char *reason; /* the reason why there is no status; NULL: unknown */
    int signal;   /* the last one that run-vm got; 0: none */
    int64_t
        requested; /* the time of the last signal, as signals_take_request() wants it; 0: none */
    unsigned int signals;
    unsigned int escapes;
    int write_error; /* an errno: run-vm could not write its output; 0 */
};

/* Begins a session without a connection, on a terminal if input and output are terminals. Changes
 * the signal mask and the handling of SIGPIPE; session_close() restores both. */
void session_open(struct session *s, const struct session_streams *streams);
void session_close(struct session *s);

/* Begins the run of a guest that waits: sends what makes it differ from others of its snapshot.
 * Returns 0, or a negative errno with the reason if there are no random bytes. */
int session_thaw(struct session *s, struct error *e);

/* Sends everything that the guest needs to start the command. */
void session_request(struct session *s, const struct guestcommand *command);

/* Sets the descriptors and events to poll for. The first one is the connection's. */
#define SESSION_CONNECTION 0
#define SESSION_POLLED     (2 + STREAM_COUNT)
void session_choose(const struct session *s, struct pollfd polled[SESSION_POLLED]);

/* Handles the frames that have been received already. Returns as session_attend(). */
int session_read(struct session *s, struct error *e);

/* Handles the events that poll() returned. Returns 0, or a negative errno with the reason if the
 * guest cannot be talked to any more, or the user has ended the session. */
int session_attend(struct session *s, const struct pollfd *polled, struct error *e);

/* Ends the session with the reason. */
void session_fail(struct session *s, struct error *e);

/* Passes the first signal on to the command; returns false for a second one, which means: quit. */
bool session_signal(struct session *s, int number);

/* Writes the output that its readers have not accepted before the session ended, and ends the modes
 * of the terminal that the command has left on. */
void session_end_output(struct session *s);
