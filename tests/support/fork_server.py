"""Forks `ambrosio` processes from one that has imported everything, which saves each a second.

A child gets the arguments, the environment, the folder and the standard streams that a shell would
give it, and runs `python -m ambrosio`. What is imported when cannot be tested in such a process.
"""

import fcntl
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
import termios
from collections.abc import Mapping
from importlib import import_module
from typing import Any

MODULES = (
    *("ambrosio.cli.main", "ambrosio.cli.attached_files", "ambrosio.cli.process"),
    *(
        f"ambrosio.cli.{verb}"
        for verb in ("chat", "doctor", "imagine", "line_editor", "rice", "run", "transcribe")
    ),
    "openai",
)
# The length of a request, in front of it.
LENGTH = 4


def main() -> None:
    """Import, then fork for each request on the socket until its other end is closed."""
    before = dict(os.environ)
    for module in MODULES:
        import_module(module)
    # What the imports have set, which the environment of a request does not know.
    set_by_imports = dict(os.environ.items() - before.items())
    gc.collect()
    gc.freeze()
    woken, wakes = socket.socketpair()
    with socket.socket(fileno=int(sys.argv[1])) as control, woken, wakes:
        request = _serve(control, woken, wakes)
    if request:
        _run(request, set_by_imports)


def _serve(
    control: socket.socket, woken: socket.socket, wakes: socket.socket
) -> dict[str, Any] | None:
    """Return in each child what it is to run, and in the server nothing once it has to end."""
    running: dict[int, socket.socket] = {}
    woken.setblocking(False)
    wakes.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno())
    while True:
        ready, _, _ = select.select([control, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            _report_ended(running)
        if control not in ready:
            continue
        length, streams, _, _ = socket.recv_fds(control, LENGTH, 4)
        if not length:
            return None
        request = json.loads(control.recv(int.from_bytes(length), socket.MSG_WAITALL))
        *standard, report = streams
        if pid := os.fork():
            running[pid] = socket.socket(fileno=report)
            running[pid].sendall(f"{pid}\n".encode())
            for descriptor in standard:
                os.close(descriptor)
            continue
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(report)
        for other in running.values():
            other.close()
        _take_streams(standard)
        return dict(request)


def _report_ended(running: dict[int, socket.socket]) -> None:
    """Tell whoever waits for a child how it ended."""
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with running.pop(pid) as report:
            report.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _take_streams(standard: list[int]) -> None:
    """Make these the standard streams, as Python does when it starts."""
    for number, descriptor in enumerate(standard):
        os.dup2(descriptor, number)
        os.close(descriptor)
    kind: dict[str, Any] = {"encoding": "utf-8", "newline": "\n", "closefd": False}
    buffering = 1 if os.isatty(1) else -1
    sys.stdin = open(0, **kind)  # noqa: SIM115
    sys.stdout = open(1, "w", buffering, **kind)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, errors="backslashreplace", **kind)  # noqa: SIM115


def _run(request: Mapping[str, Any], set_by_imports: Mapping[str, str]) -> None:
    """Run the program; its `SystemExit` ends this process as it would end any other."""
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update({**set_by_imports, **request["environment"]})
    if request["terminal"]:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.argv = ["ambrosio", *request["words"]]
    runpy.run_module("ambrosio", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
