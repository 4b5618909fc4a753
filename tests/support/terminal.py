"""A terminal for the real program: what is typed goes in, what is on the screen comes out."""

import asyncio
import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from . import PATIENCE_SECONDS
from .program import Program, start_program

CTRL_C, CTRL_D, UP, ALT_ENTER = "\x03", "\x04", "\x1b[A", "\x1b\r"
# Colours, cursor moves and titles, which say nothing about the words.
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\x1b[=>]")


class TerminalProgram:
    """A program in a terminal of 100 columns and 40 lines."""

    def __init__(self, process: Program, master: int) -> None:
        self._process, self._master = process, master
        self._output, self._seen = "", 0
        self._grown = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except OSError:
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._master)
        text = data.decode(errors="replace")
        # The editor asks the terminal where its cursor is.
        if "\x1b[6n" in text:
            self.type("\x1b[40;1R")
        self._output += text
        self._grown.set()

    @property
    def text(self) -> str:
        """All that was printed, without colours and cursor moves."""
        return ESCAPES.sub("", self._output).replace("\r\n", "\n")

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    async def expect(self, words: str) -> str:
        """Wait until words appear after those expected last; return what stands before."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while (found := self.text.find(words, self._seen)) < 0:
                    self._grown.clear()
                    await self._grown.wait()
        except TimeoutError:
            raise AssertionError(f"no {words!r} in {self.text[self._seen :]!r}") from None
        before = self.text[self._seen : found]
        self._seen = found + len(words)
        return before

    async def exit_code(self) -> int:
        """Wait for the end of the program."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._process.wait()

    def close(self) -> None:
        """Stop reading."""
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)


@asynccontextmanager
async def terminal_program(
    *words: str, env: Mapping[str, str], cwd: Path
) -> AsyncIterator[TerminalProgram]:
    """Run `ambrosio` in a terminal; it is killed at the end if it is still there."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    process = await start_program(
        *words,
        env={**env, "TERM": "xterm-256color"},
        cwd=cwd,
        streams=(slave, slave, slave),
        terminal=True,
    )
    os.close(slave)
    program = TerminalProgram(process, master)
    try:
        yield program
    finally:
        process.kill()
        await process.wait()
        program.close()
