"""Runs llama.cpp in a child process: starts it, watches it, restarts it and stops it.

The bot works without it: the child starts in the background, and requests before it is ready fail
with `Loading`, which says what it is doing. There is one child per data folder; a second Ambrosio
process with the same folder uses the child of the first.
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
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from ..config.file_lock import file_lock
from ..config.setting_names import PREFIXES
from ..core.backoff import Backoff
from ..core.errors import StoreFailed
from ..core.provider_errors import Loading, NotRunning
from .errors import format_bytes

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 300.0
# After running this long, a crash counts as the first failure again.
HEALTHY_SECONDS = 120.0
# A single crash is not reported to users; from this many in a row on, the reason is.
REPORT_AFTER_FAILURES = 2
MAX_LOG_BYTES = 2_000_000
TAIL_BYTES = 8_000
EXIT_TIMEOUT_SECONDS = 3.0
# How often an idle thread of llama.cpp looks for work before it sleeps. With libgomp's own 300,000
# a small model falls from 113 to 19 tokens/s when both cores are busy; with this it keeps 49, and
# loses nothing on a quiet machine. Ten times as much halves the speed beside one busy core.
SPIN_COUNT = "1000"


@dataclass(frozen=True, slots=True)
class LlamaStatus:
    """What the child is doing; `state` is `fetching`, `loading`, `ready` or `failed`.

    `done` and `total` are bytes of the download; the last three fields are as in `ModelUnusable`.
    """

    state: str = "loading"
    done: int = 0
    total: int = 0
    reason: str = ""
    remedy: str = ""
    permanent: bool = False

    @property
    def line(self) -> str:
        """What it is doing, as a clause for a status message."""
        if self.state == "fetching" and self.total:
            percent = self.done * 100 // self.total
            return f"downloading its model ({percent} % of {format_bytes(self.total)})"
        return "downloading its model" if self.state == "fetching" else "loading its model"


@dataclass(frozen=True, slots=True)
class ServerRole:
    """What a server of our own is for.

    `folder` has its log and its lock, `setting` names its model. `starts_when_asked` says that it
    starts at the first request, and `needs_projector` that its model is of no use without.
    """

    folder: str
    setting: str
    plan: Mapping[str, int] = field(default_factory=dict)
    starts_when_asked: bool = False
    needs_projector: bool = False


ANSWERING = ServerRole("llama", "LLAMA_GGUF")
# A minute of speech takes 810 tokens, and its text as many again. What was heard is not heard
# again, so there is nothing to cache, and the memory is given back soon.
TRANSCRIBING = ServerRole(
    "ears",
    "LLAMA_EARS",
    {"context": 4_096, "cache_mib": 0, "reuse": 0, "slots": 1, "sleep_seconds": 120},
    starts_when_asked=True,
    needs_projector=True,
)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """The URL of our own server, and its API key."""

    url: str
    key: str


class LlamaServer:
    """The llama.cpp child process and its current status."""

    def __init__(
        self,
        reference: str,
        folder: Path,
        *,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        plan: Mapping[str, int] | None = None,
        role: ServerRole | None = None,
    ) -> None:
        """Store the arguments; nothing runs before `running`.

        Args:
            reference: a .gguf file, or `owner/repo:QUANT` at Hugging Face.
            folder: the data folder, for models, the log and a lock file.
            now: a monotonic clock, in seconds.
            sleep: waits for a number of seconds.
            plan: values that override those of `sizing.ServerParams`.
            role: what the server is for; by default it answers.
        """
        self._role = role or ANSWERING
        self._plan = {**self._role.plan, **(plan or {})}
        self._reference, self._folder = reference, folder / self._role.folder
        # The models of all servers are in one folder.
        self._models = folder / "models"
        self._wanted = asyncio.Event()
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
        """Whether this process runs the server, and not another one with the same data folder."""
        return self._lock is not None

    @property
    def address(self) -> ServerAddress:
        """Where the server listens, or will listen."""
        if self.owns_process:
            return ServerAddress(f"http://127.0.0.1:{self._port}/v1", self._key)
        try:
            published = json.loads((self._folder / "address.json").read_text())
            return ServerAddress(published["url"], published["key"])
        except (OSError, ValueError, KeyError):
            # The other process is still starting; nothing listens on port 1.
            return ServerAddress("http://127.0.0.1:1/v1", "")

    @property
    def pid(self) -> int | None:
        """The process id of the child, None while there is no child."""
        return self._process.pid if self._process else None

    def ensure_ready(self, name: str) -> None:
        """Return if the server is ready, or raise `Loading` or `NotRunning` for provider `name`."""
        if not self.owns_process:
            return
        self._wanted.set()
        if self.status.state == "failed":
            raise NotRunning(name, reason=self.status.reason, hint=self.status.remedy)
        if self.status.state != "ready":
            raise Loading(name, doing=self.status.line)

    @asynccontextmanager
    async def running(self, ready: Callable[[], Awaitable[None]]) -> AsyncIterator[Self]:
        """Keep the child running until the block ends; `ready` is awaited after every start.

        Not in a task group, since an error in the supervisor must not stop the bot.
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
        """Lock the data folder and choose a port, unless another process holds the lock.

        Raises `StoreFailed` if the folder cannot be written to.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = contextlib.ExitStack()
            if not lock.enter_context(file_lock(self._folder / "lock")):
                lock.close()
                return
            self._lock = lock
            with socket.create_server(("127.0.0.1", 0)) as listener:
                self._port = int(listener.getsockname()[1])
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
        if self._role.starts_when_asked:
            await self._wanted.wait()
        while True:
            started = self._now()
            try:
                await self._live(ready)
            except OSError as exc:
                self._set_status(_failure(f"llama.cpp could not be started: {exc.strerror}"))
            if self._now() - started > HEALTHY_SECONDS:
                self._failures = 0
                backoff.reset()
            self._failures += 1
            pause = backoff.next_seconds()
            if self.status.permanent:
                pause = MAX_PAUSE_SECONDS
            reason = self.status.reason
            log.warning("local model failed: %s; retrying in %.0f s", reason, pause)
            if not self.status.permanent and self._failures < REPORT_AFTER_FAILURES:
                self._set_status(LlamaStatus())
            await self._sleep(pause)

    async def _live(self, ready: Callable[[], Awaitable[None]]) -> None:
        """Start the child and follow it until it exits; sets a `failed` status at the end."""
        path = self._folder / "llama.log"
        if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        with path.open("ab") as file:
            log_start = file.tell()
            self._process = process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                __package__ or "ambrosio.llama",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=file,
                env=_child_environment(os.environ),
            )
        self.starts += 1
        self._set_status(LlamaStatus())
        status = LlamaStatus()
        try:
            async for status in self._read_status(process):
                if status.state != "failed":
                    self._set_status(status)
                if status.state == "ready":
                    log.info("local model is ready")
                    await ready()
            code = await process.wait()
        finally:
            await _end(process)
            self._process = None
        self._set_status(
            status if status.state == "failed" else _diagnose_exit(code, _tail(path, log_start))
        )

    async def _read_status(self, process: asyncio.subprocess.Process) -> AsyncIterator[LlamaStatus]:
        """Send the child its command, then yield each status it reports until it closes stdout."""
        command = {
            "reference": self._reference,
            "folder": str(self._models),
            "port": self._port,
            "key": self._key,
            "parent": os.getpid(),
            "plan": self._plan,
            "needs_projector": self._role.needs_projector,
        }
        if process.stdin is None or process.stdout is None:
            return
        with contextlib.suppress(ConnectionError):
            process.stdin.write(json.dumps(command).encode() + b"\n")
            await process.stdin.drain()
        while line := await process.stdout.readline():
            fields = json.loads(line)
            known = {name: fields[name] for name in fields.keys() & LlamaStatus.__slots__}
            yield LlamaStatus(**known)

    def _set_status(self, status: LlamaStatus) -> None:
        if status.state == "fetching" and status.done * 10 // (status.total or 1) != (
            self.status.done * 10 // (self.status.total or 1)
        ):
            log.info("local model: %s", status.line)
        # What the child advises names the setting of the server that answers.
        remedy = status.remedy.replace(ANSWERING.setting, self._role.setting)
        self.status = replace(status, remedy=remedy)
        self.changed.set()
        self.changed = asyncio.Event()


def _child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave our own settings out of the child's environment, which may be secret.

    What libgomp reads is kept if the owner has set it.
    """
    ours = {name: value for name, value in environment.items() if not name.startswith(PREFIXES)}
    return {"GOMP_SPINCOUNT": SPIN_COUNT, **ours}


async def _end(process: asyncio.subprocess.Process) -> None:
    """Close the child's stdin, which makes it exit, and kill it if it does not in time."""
    if process.returncode is not None:
        return
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(EXIT_TIMEOUT_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _tail(path: Path, start: int) -> str:
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(max(start, path.stat().st_size - TAIL_BYTES))
        return file.read().decode("utf-8", "replace")
    return ""


def _failure(
    reason: str,
    remedy: str = "See `llama/llama.log` in the data folder.",
    *,
    permanent: bool = False,
) -> LlamaStatus:
    return LlamaStatus("failed", reason=reason, remedy=remedy, permanent=permanent)


def _diagnose_exit(code: int, log_end: str) -> LlamaStatus:
    """Find out why the child exited without a `failed` line, from its signal and llama.cpp's log.

    The log is prose, but llama.cpp gives the reason nowhere else.
    """
    if code == -signal.SIGKILL:
        return _failure(
            "it was killed, most likely because memory ran out",
            "Set `LLAMA_GGUF` to a smaller model, or free some memory.",
        )
    if code == -signal.SIGILL:
        return _failure("llama.cpp needs a newer processor", "Use another machine.")
    log_text = log_end.lower()
    causes = (
        ("unknown model architecture", UNSUPPORTED_MODEL),
        ("failed to allocate", OUT_OF_MEMORY),
        ("bad_alloc", OUT_OF_MEMORY),
        ("corrupted or incomplete", DAMAGED),
        ("failed to load model", DAMAGED),
    )
    for clue, status in causes:
        if clue in log_text:
            return status
    how = f"on signal {-code}" if code < 0 else f"with code {code}"
    return _failure(f"llama.cpp exited {how}")


UNSUPPORTED_MODEL = _failure(
    "this version of llama.cpp does not support the model",
    "Choose another model, or update Ambrosio.",
    permanent=True,
)
OUT_OF_MEMORY = _failure(
    "there was not enough memory", "Set `LLAMA_GGUF` to a smaller model, or free some memory."
)
DAMAGED = _failure(
    "llama.cpp cannot load the model file; it may be damaged",
    "Delete the file and download it again; `llama/llama.log` in the data folder has details.",
)
