"""`ambrosio` as a process, forked by `fork_server`."""

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, TypeAlias

from . import ROOT
from .fork_server import LENGTH

Stream: TypeAlias = int | IO[bytes]


class Program:
    """A running `ambrosio`; whoever starts it waits for its end."""

    def __init__(
        self, pid: int, report: asyncio.StreamReader, connection: asyncio.StreamWriter
    ) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._report, self._connection = report, connection

    async def wait(self) -> int:
        """Wait for the end, and return the exit code; that of a signal is negative."""
        if self.returncode is None:
            self.returncode = int(await self._report.readline())
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it if it is still there."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                self.send_signal(signal.SIGKILL)


class _ForkServer:
    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        module = ("-W", "error", "-m", "tests.support.fork_server")
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, *module, str(theirs.fileno())],
                cwd=ROOT,
                # Not those of this process, through which pytest-xdist is controlled.
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def fork(
        self, request: Mapping[str, object], streams: list[int], report: socket.socket
    ) -> None:
        """Ask for a child; the server writes its id on `report`, and then its exit code."""
        body = json.dumps(request).encode()
        length = len(body).to_bytes(LENGTH)
        socket.send_fds(self._control, [length], [*streams, report.fileno()])
        self._control.sendall(body)

    def close(self) -> None:
        self._control.close()
        self._process.wait()


@cache
def _fork_server() -> _ForkServer:
    server = _ForkServer()
    atexit.register(server.close)
    return server


async def start_program(
    *words: str,
    env: Mapping[str, str],
    cwd: Path,
    streams: tuple[Stream, Stream, Stream],
    terminal: bool = False,
) -> Program:
    """Start `ambrosio` with these standard streams; with `terminal`, they are its terminal."""
    request = {"words": words, "environment": dict(env), "folder": str(cwd), "terminal": terminal}
    ours, theirs = socket.socketpair()
    with theirs:
        numbers = [stream if isinstance(stream, int) else stream.fileno() for stream in streams]
        _fork_server().fork(request, numbers, theirs)
    report, connection = await asyncio.open_connection(sock=ours)
    return Program(int(await report.readline()), report, connection)
