"""An MCP server as a child process: a line of JSON for each message, on its stdin and stdout.

The child gets nothing of our environment but what any program needs. It is a program that the owner
chose, and does what its user may do: nothing here can hold it back.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from .protocol import (
    MAX_MESSAGE_BYTES,
    McpFailed,
    decode,
    encode_notification,
    encode_refusal,
    encode_request,
    is_request,
    read_result,
)

INHERITED = ("PATH", "HOME", "USER", "LANG", "TMPDIR")
# A server that talks of other things for so long does not answer.
MAX_OTHER_MESSAGES = 1_000


class StdioTransport:
    """Starts the process at the first request, and again after it has died.

    Args:
        command: the program and its arguments.
        variables: its own environment variables.
        environment: ours, of which it gets a few.
    """

    def __init__(
        self,
        command: Sequence[str],
        variables: Mapping[str, str],
        *,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        given = os.environ if environment is None else environment
        inherited = {name: given[name] for name in INHERITED if name in given}
        self._command, self._environment = command, {**inherited, **variables}
        self._process: asyncio.subprocess.Process | None = None
        self._ids = count(1)

    @property
    def is_open(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.returncode is None

    async def open(self) -> None:
        """Start the process, or raise `McpFailed`."""
        await self.close()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=MAX_MESSAGE_BYTES,
                env=dict(self._environment),
                cwd="/",
                # Ctrl+C reaches the whole process group, and so does our own signal at the end.
                start_new_session=True,
            )
        except (OSError, ValueError) as exc:
            raise McpFailed("its program cannot be started") from exc

    async def ask(
        self, method: str, params: Mapping[str, object], *, version: str
    ) -> Mapping[str, Any]:
        """Send a request and return its result, or raise `McpFailed`; one at a time."""
        del version  # The version of a stdio server is in the request itself.
        request_id = next(self._ids)
        await self._send(encode_request(request_id, method, params))
        for _ in range(MAX_OTHER_MESSAGES):
            message = await self._receive()
            if is_request(message):
                await self._send(encode_refusal(message))
            elif message.get("id") == request_id:
                return read_result(message)
        raise McpFailed("its answers do not match the requests")

    async def tell(self, method: str) -> None:
        """Send a message that wants no answer, or raise `McpFailed`."""
        await self._send(encode_notification(method))

    async def close(self) -> None:
        """End the process and whatever it has started."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    async def _send(self, line: bytes) -> None:
        stdin = self._process.stdin if self._process else None
        if stdin is None:
            raise McpFailed("its program has ended")
        try:
            stdin.write(line + b"\n")
            await stdin.drain()
        except (ConnectionError, RuntimeError) as exc:
            raise McpFailed("its program has ended") from exc

    async def _receive(self) -> Mapping[str, Any]:
        stdout = self._process.stdout if self._process else None
        if stdout is None:
            raise McpFailed("its program has ended")
        try:
            line = await stdout.readuntil(b"\n")
        except asyncio.LimitOverrunError as exc:
            raise McpFailed("it sent too much") from exc
        except (asyncio.IncompleteReadError, ConnectionError) as exc:
            raise McpFailed("its program has ended") from exc
        return decode(line)
