# SPDX-License-Identifier: MIT
"""Drives a machine as NixOS's test driver does: starts run-NAME-vm with the driver's arguments and
environment, and speaks with QEMU's monitor and with the shell on the guest's /dev/hvc0."""

import base64
import os
import select
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

READY = b"Spawning backdoor root shell..."
PROMPT = b"(qemu) "
# Characters whose key has another name in QEMU's monitor.
KEYS = {" ": "spc", "\n": "ret", "-": "0x0C", "_": "shift-0x0C", "=": "0x0D", ".": "0x34"}


class Failure(Exception):
    """A machine that did not do what it should."""


class Switch:
    """A vde_switch, which virtual networks of the machines are on."""

    def __init__(self, directory):
        self.socket = directory / "vde.ctl"
        self.process = subprocess.Popen(
            ["vde_switch", "--sock", self.socket, "--dirmode", "0700", "--hub"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        wait_until(lambda: (self.socket / "ctl").exists(), 120, "the switch has its socket")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def wait_until(condition, seconds, text):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failure(f"not within {seconds} s: {text}")
        time.sleep(0.1)


class Machine:
    def __init__(self, program, directory, environment):
        self.program = program
        self.state = directory / f"vm-state-{Path(program).name}"
        self.shared = directory / "shared-xchg"
        self.environment = environment
        for path in (self.state, self.shared):
            path.mkdir(mode=0o700, exist_ok=True)
        self.process = self.monitor = self.shell = self.reader = None
        self.console = b""

    # --- start and end ---

    def _arguments(self, allow_reboot):
        return (
            f" -qmp unix:{self.state}/qmp,server=on,wait=off"
            f" -monitor unix:{self.state}/monitor"
            f" -chardev socket,id=shell,path={self.state}/shell"
            " -device virtio-serial"
            " -device virtconsole,chardev=shell"
            " -device virtio-rng-pci"
            " -serial stdio"
            f"{'' if allow_reboot else ' -no-reboot'}"
            " -nographic"
        )

    def _listen(self, name):
        path = self.state / name
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(300)
        return listener

    def start(self, allow_reboot=False, in_environment=None):
        """Starts the machine. With `in_environment`, more arguments for QEMU, it gets all of them in
        QEMU_OPTS, as from the driver of earlier years."""
        monitor, shell = self._listen("monitor"), self._listen("shell")
        self.console = b""
        variables = {"TMPDIR": self.state, "SHARED_DIR": self.shared, "USE_TMPDIR": "1"}
        arguments = self._arguments(allow_reboot)
        if in_environment is not None:
            variables["QEMU_OPTS"] = f"{arguments} {in_environment}"
            arguments = ""
        self.process = subprocess.Popen(
            # exec, because Debian's sh would stay between, and get the signal that is to end the machine
            f"exec {self.program}{arguments}",
            shell=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self.state,
            env={**os.environ, **self.environment, **{k: str(v) for k, v in variables.items()}},
        )
        self.reader = threading.Thread(target=self._read_console, daemon=True)
        self.reader.start()
        self.monitor = monitor.accept()[0]
        self.shell = shell.accept()[0]
        self.monitor.settimeout(120)
        self._read_answer()

    def _read_console(self):
        while chunk := os.read(self.process.stdout.fileno(), 65536):
            self.console += chunk

    def wait_for_end(self, seconds=300):
        status = self.process.wait(seconds)
        self.reader.join(120)
        if self.reader.is_alive():
            raise Failure("a process that has outlived run-vm holds its output")
        self.close()
        return status

    def close(self):
        for stream in (self.monitor, self.shell, self.process.stdin, self.process.stdout):
            stream.close()

    def shutdown(self):
        self.shell.send(b"poweroff\n")
        return self.wait_for_end()

    def crash(self):
        self.monitor.send(b"quit\n")
        return self.wait_for_end()

    def release(self):
        """Ends a machine in any state. Returns the time that it takes, in seconds."""
        began = time.monotonic()
        self.process.terminate()
        self.wait_for_end()
        return time.monotonic() - began

    # --- the monitor ---

    def _read_answer(self):
        answer = b""
        while not answer.endswith(PROMPT):
            chunk = self.monitor.recv(4096)
            if not chunk:
                raise Failure("the monitor is closed")
            answer += chunk
        return answer.decode()

    def tell(self, command):
        self.monitor.send(f"{command}\n".encode())
        return self._read_answer()

    def qmp(self, command):
        """Sends a command to the second monitor, which speaks QMP; returns the answer."""
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.settimeout(120)
            monitor.connect(str(self.state / "qmp"))
            lines = monitor.makefile("rw")
            lines.readline()
            answer = ""
            for name in ("qmp_capabilities", command):
                lines.write(f'{{"execute": "{name}"}}\n')
                lines.flush()
                while '"return"' not in (answer := lines.readline()):
                    if '"error"' in answer or not answer:
                        raise Failure(f"{name}: {answer}")
            return answer

    def press(self, key):
        self.tell(f"sendkey {key}")
        time.sleep(0.01)

    def type(self, text):
        for character in text:
            self.press(KEYS.get(character, character))

    def block(self):
        self.tell("set_link virtio-net-pci.1 off")

    def unblock(self):
        self.tell("set_link virtio-net-pci.1 on")

    def screenshot(self):
        """Returns width and height of the picture, and its different colours."""
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "picture"
            self.tell(f"screendump {path}")
            magic, size, _, pixels = path.read_bytes().split(b"\n", 3)
        if magic != b"P6":
            raise Failure(f"the screenshot is no PPM: {magic!r}")
        width, height = map(int, size.split())
        if len(pixels) != width * height * 3:
            raise Failure(f"the screenshot has {len(pixels)} bytes")
        return width, height, {pixels[i : i + 3] for i in range(0, len(pixels), 3)}

    # --- the shell ---

    def connect(self, seconds=300):
        said = b""
        end = time.monotonic() + seconds
        while READY not in said:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.shell], [], [], left)[0]:
                raise Failure(f"no shell within {seconds} s; the console: {self.console[-2000:]!r}")
            chunk = self.shell.recv(1024)
            if not chunk:
                raise Failure(f"the shell is closed; the console: {self.console[-2000:]!r}")
            said += chunk

    def _read_line(self):
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([self.shell], [], [], 180)[0]:
                raise Failure("the shell does not answer")
            chunk = self.shell.recv(4096)
            if not chunk:
                raise Failure("the shell is closed")
            line += chunk
        return line

    def execute(self, command, seconds=120):
        """Returns status and output of a command in the guest."""
        script = shlex.quote(f"set -euo pipefail; {command}")
        line = f"timeout {seconds} bash -c {script} | (base64 -w 0; echo)\n"
        self.shell.sendall(line.encode())
        output = base64.b64decode(self._read_line())
        self.shell.sendall(b"echo ${PIPESTATUS[0]}\n")
        return int(self._read_line()), output.decode()

    def succeed(self, command):
        status, output = self.execute(command)
        if status:
            raise Failure(f"{command}: status {status}: {output}")
        return output

    def copy_in(self, source, target):
        with tempfile.TemporaryDirectory(dir=self.shared) as directory:
            shutil.copy(source, directory)
            name = f"/tmp/shared/{Path(directory).name}/{Path(source).name}"
            self.succeed(f"cp -r {shlex.quote(name)} {shlex.quote(target)}")

    def copy_out(self, source, target):
        with tempfile.TemporaryDirectory(dir=self.shared) as directory:
            guest = f"/tmp/shared/{Path(directory).name}"
            self.succeed(f"mkdir -p {guest}; cp -r {shlex.quote(source)} {guest}")
            shutil.copy(Path(directory) / Path(source).name, target)
