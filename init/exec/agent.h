/* SPDX-License-Identifier: MIT */
/* vm.agent: a process of init's that stays beside stage 2 and runs the commands of `run-vm exec`.
 * It waits for sessions on its ports (common/frame.h), and serves each in a process of its own, so
 * that whatever happens in a session ends that session only. */
#pragma once

/* Starts the agent. PID 1 calls this right before it executes stage 2. `argv` is init's own: the
 * agent writes its name over it. It is in no unit of systemd's, so that it serves until systemd
 * kills all processes at shutdown: the agent exits at SIGTERM, and a session's process ends its
 * command, reports the status, and goes. `system`: see struct command; NULL: none. */
void agent_start(char **argv, const char *system);
