"""llama.cpp kept alive in a child process: started, watched, started again, and ended with us.

The bot goes on without it: it is started in the background, and whoever asks it before it is ready
learns what it is doing. One for each data folder; a second Ambrosio there uses the first one's.
"""

import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ..config.file_lock import file_lock
from ..config.settings import PREFIXES
from ..core.backoff import Backoff
from ..core.errors import Loading, NotRunning, StoreFailed
from .errors import format_bytes

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 300.0
# One that has lived so long and then died starts with a clean slate.
HEALTHY_SECONDS = 120.0
# What runs into the same wall at once is told to whoever asks; a single death is not.
TOLD_AFTER = 2
MAX_LOG_BYTES = 2_000_000
TAIL_BYTES = 8_000
GOODBYE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class LlamaStatus:
    """What the child is doing: `fetching`, `loading`, `ready` or `failed`."""

    state: str = "loading"
    done: int = 0
    total: int = 0
    reason: str = ""
    mend: str = ""
    lasting: bool = False

    @property
    def line(self) -> str:
        """Say it in a few words, for a person."""
        if self.state == "fetching" and self.total:
            percent = self.done * 100 // self.total
            return f"downloading its model ({percent} % of {format_bytes(self.total)})"
        return "downloading its model" if self.state == "fetching" else "loading its model"


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server of our own is reached, and with which key."""

    url: str
    key: str


class LlamaServer:
    """The child process, and what is known of it."""

    def __init__(
        self,
        reference: str,
        folder: Path,
        *,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        plan: Mapping[str, int] | None = None,
    ) -> None:
        """Take what is needed and do nothing yet.

        Args:
            reference: a .gguf file, or `owner/repo:QUANT` at Hugging Face.
            folder: the data folder; models, the log and a lock are kept in it.
            now: tells the time.
            sleep: waits.
            plan: what to overrule of `sizing.Plan`.
        """
        self._plan = dict(plan or {})
        self._reference, self._folder = reference, folder / "llama"
        self._now, self._sleep = now, sleep
        self._key = secrets.token_urlsafe(24)
        self._port = 0
        self._failures = 0
        self._lock: contextlib.ExitStack | None = None
        self._process: asyncio.subprocess.Process | None = None
        self.status = LlamaStatus()
        self.changed = asyncio.Event()
        self.starts = 0

    @property
    def owns_process(self) -> bool:
        """Whether this process runs it, and not another one with the same data folder."""
        return self._lock is not None

    @property
    def address(self) -> ServerAddress:
        """Where it is, or will be."""
        if self.owns_process:
            return ServerAddress(f"http://127.0.0.1:{self._port}/v1", self._key)
        try:
            found = json.loads((self._folder / "address.json").read_text())
            return ServerAddress(found["url"], found["key"])
        except (OSError, ValueError, KeyError):
            # The other one is only just starting; nobody is reached there.
            return ServerAddress("http://127.0.0.1:1/v1", "")

    @property
    def pid(self) -> int | None:
        """The child's number, while there is one."""
        return self._process.pid if self._process else None

    def ensure_ready(self, name: str) -> None:
        """Return if it can be asked, or raise `Loading` or `NotRunning` in the name given."""
        if not self.owns_process:
            return
        if self.status.state == "failed":
            raise NotRunning(name, reason=self.status.reason, hint=self.status.mend)
        if self.status.state != "ready":
            raise Loading(name, doing=self.status.line)

    @asynccontextmanager
    async def running(self, ready: Callable[[], Awaitable[None]]) -> AsyncIterator[Self]:
        """Keep it running until the block ends; `ready` is awaited after every start.

        A task of its own and not of a group: whatever happens to it, the bot goes on.
        """
        if not self.owns_process:
            yield self
            return
        task = asyncio.create_task(self._supervise(ready))
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            if self._lock is not None:
                self._lock.close()

    def acquire(self) -> None:
        """Make this folder's engine ours, unless another process has it, or raise `StoreFailed`."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = contextlib.ExitStack()
            if not lock.enter_context(file_lock(self._folder / "lock")):
                lock.close()
                return
            self._lock = lock
            with socket.create_server(("127.0.0.1", 0)) as free:
                self._port = int(free.getsockname()[1])
            self._publish()
        except OSError as exc:
            raise StoreFailed(str(exc)) from exc

    def _publish(self) -> None:
        path = self._folder / "address.json"
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            json.dump({"url": self.address.url, "key": self.address.key}, file)

    # --- the child's life -------------------------------------------------------------------------

    async def _supervise(self, ready: Callable[[], Awaitable[None]]) -> None:
        backoff = Backoff(FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS)
        while True:
            started = self._now()
            try:
                await self._live(ready)
            except OSError as exc:
                self._set_status(_failure(f"llama.cpp cannot be started: {exc.strerror}"))
            if self._now() - started > HEALTHY_SECONDS:
                self._failures = 0
                backoff.reset()
            self._failures += 1
            pause = backoff.next_seconds()
            if self.status.lasting:
                pause = MAX_PAUSE_SECONDS
            reason = self.status.reason
            log.warning("the local model: %s; I try again in %.0f s", reason, pause)
            if not self.status.lasting and self._failures < TOLD_AFTER:
                self._set_status(LlamaStatus())
            await self._sleep(pause)

    async def _live(self, ready: Callable[[], Awaitable[None]]) -> None:
        """Start the child and follow it to its end; leaves a `failed` status behind."""
        path = self._folder / "llama.log"
        if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as file:
            begins = file.tell()
            self._process = process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                __package__ or "ambrosio.llama",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=file,
                env=_without_secrets(os.environ),
            )
        self.starts += 1
        self._set_status(LlamaStatus())
        told = LlamaStatus()
        try:
            async for told in self._read_status(process):
                if told.state != "failed":
                    self._set_status(told)
                if told.state == "ready":
                    log.info("the local model is ready")
                    await ready()
            code = await process.wait()
        finally:
            await _end(process)
            self._process = None
        self._set_status(
            told if told.state == "failed" else _diagnose_exit(code, _tail(path, begins))
        )

    async def _read_status(self, process: asyncio.subprocess.Process) -> AsyncIterator[LlamaStatus]:
        """Give the child its orders and what it says of itself, as long as it speaks."""
        orders = {
            "reference": self._reference,
            "folder": str(self._folder.parent / "models"),
            "port": self._port,
            "key": self._key,
            "parent": os.getpid(),
            "plan": self._plan,
        }
        if process.stdin is None or process.stdout is None:
            return
        with contextlib.suppress(ConnectionError):
            process.stdin.write(json.dumps(orders).encode() + b"\n")
            await process.stdin.drain()
        while line := await process.stdout.readline():
            fields = json.loads(line)
            known = {name: fields[name] for name in fields.keys() & LlamaStatus.__slots__}
            yield LlamaStatus(**known)

    def _set_status(self, status: LlamaStatus) -> None:
        if status.state == "fetching" and status.done * 10 // (status.total or 1) != (
            self.status.done * 10 // (self.status.total or 1)
        ):
            log.info("the local model: %s", status.line)
        self.status = status
        self.changed.set()
        self.changed = asyncio.Event()


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave our own settings out of what the child gets; it is told what it needs."""
    return {name: value for name, value in environment.items() if not name.startswith(PREFIXES)}


async def _end(process: asyncio.subprocess.Process) -> None:
    """Close the child's stdin, which ends it, and insist if it does not."""
    if process.returncode is not None:
        return
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(GOODBYE_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _tail(path: Path, begins: int) -> str:
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(max(begins, path.stat().st_size - TAIL_BYTES))
        return file.read().decode("utf-8", "replace")
    return ""


def _failure(
    reason: str, mend: str = "See `llama/llama.log` in the data folder.", *, lasting: bool = False
) -> LlamaStatus:
    return LlamaStatus("failed", reason=reason, mend=mend, lasting=lasting)


def _diagnose_exit(code: int, log_end: str) -> LlamaStatus:
    """Say what a child that said nothing has died of, by its signal and by llama.cpp's log.

    The log is prose, but llama.cpp gives its reasons nowhere else.
    """
    if code == -signal.SIGKILL:
        return _failure(
            "it was killed, most likely because the memory was full",
            "Set `LLAMA_GGUF` to a smaller model, or free some memory.",
        )
    if code == -signal.SIGILL:
        return _failure("llama.cpp needs a newer processor than this one", "Use another machine.")
    words = log_end.lower()
    causes = (
        ("unknown model architecture", UNKNOWN_KIND),
        ("failed to allocate", OUT_OF_MEMORY),
        ("bad_alloc", OUT_OF_MEMORY),
        ("corrupted or incomplete", DAMAGED),
        ("failed to load model", DAMAGED),
    )
    for clue, status in causes:
        if clue in words:
            return status
    ended = f"by signal {-code}" if code < 0 else f"with code {code}"
    return _failure(f"llama.cpp ended {ended}")


UNKNOWN_KIND = _failure(
    "this llama.cpp does not know that kind of model",
    "Run `pip install --upgrade xllamacpp`, or choose another model.",
    lasting=True,
)
OUT_OF_MEMORY = _failure(
    "there was not enough memory", "Set `LLAMA_GGUF` to a smaller model, or free some memory."
)
DAMAGED = _failure(
    "llama.cpp cannot read the model; it may be damaged",
    "Delete the file and get it again; `llama/llama.log` in the data folder says more.",
)
