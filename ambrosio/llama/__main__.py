"""The child process in which llama.cpp runs: `python -m ambrosio.llama`.

Started by `supervisor` only. Reads its command as one line of JSON from stdin and writes a line of
JSON to stdout for every change of status; llama.cpp's own log goes to stderr. Exits when stdin is
closed, so it never outlives the bot, even if the bot is killed.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from . import download, gguf, sizing
from .errors import ModelUnusable

FAILED = 3
# Temperature, top_p and the penalty for repeating, see `sizing.ServerParams.steady`.
STEADY = (0.2, 0.9, 1.15)
# So many tokens at most, about 150 words: after that, such a model wanders off, for minutes.
STEADY_TOKENS = 200
# prctl(2): the signal to receive when the parent dies. From Linux's <sys/prctl.h>.
PR_SET_PDEATHSIG = 1


class ChildCommand:
    """The command from the parent, and the channel for status lines back to it."""

    def __init__(self, line: str, out: TextIO) -> None:
        fields = json.loads(line)
        self.reference = str(fields["reference"])
        self.folder = Path(fields["folder"])
        self.port, self.key = int(fields["port"]), str(fields["key"])
        self.parent_id = int(fields["parent"])
        self.overrides = dict(fields["plan"])
        self.needs_projector = bool(fields.get("needs_projector"))
        self._out = out
        self._percent = -1

    def report(self, state: str, **fields: object) -> None:
        """Write a status line to the parent; the fields are those of `LlamaStatus`."""
        with contextlib.suppress(OSError):
            print(json.dumps({"state": state, **fields}), file=self._out, flush=True)

    def progress(self, done: int, total: int) -> None:
        """Report the progress of a download in bytes, once per percent."""
        percent = done * 100 // total if total else 0
        if percent != self._percent:
            self._percent = percent
            self.report("fetching", done=done, total=total)


def main() -> int:
    """Serve the model until the parent is gone; return the exit code."""
    command = ChildCommand(sys.stdin.readline(), _own_stdout())
    _exit_with_parent(command.parent_id)
    _be_killed_first()
    # Ctrl+C and systemd signal the whole process group. The parent decides when to stop: answers
    # in progress get a grace period.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_exit_with_stdin, daemon=True).start()
    try:
        path = download.ensure_model(command.reference, command.folder, command.progress)
        projector = _find_projector(path, command)
        _check_projector(projector, command)
        plan = replace(
            sizing.plan_params(
                gguf.read_size(path),
                sizing.measure_resources(),
                projector_bytes=projector.stat().st_size if projector else 0,
            ),
            **command.overrides,
        )
        command.report("loading")
        _serve(path, plan, command, projector)
    except ModelUnusable as exc:
        command.report("failed", reason=exc.reason, remedy=exc.remedy, permanent=exc.permanent)
        return FAILED
    return 0


def _own_stdout() -> TextIO:
    """Keep stdout for status lines; what llama.cpp prints goes to stderr."""
    ours = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(ours, "w", encoding="utf-8")


def _exit_with_parent(parent_id: int) -> None:
    # Needed besides `_exit_with_stdin`: while a model loads, llama.cpp holds the GIL and no thread
    # of ours can read stdin.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent_id:
            os._exit(0)


def _be_killed_first() -> None:
    """Tell Linux to end this process if memory runs out, and not one that cannot be replaced."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", "ascii")


def _exit_with_stdin() -> None:
    while sys.stdin.readline():
        pass
    os._exit(0)


def _find_projector(model: Path, command: ChildCommand) -> Path | None:
    """Find the model's mmproj file, if it is wanted and there is room for it; None without one."""
    if command.overrides.get("image_tokens") == 0:
        return None
    size, resources = gguf.read_size(model), sizing.measure_resources()
    try:
        return download.ensure_projector(
            command.reference,
            command.folder,
            model,
            fits=lambda projector_bytes: sizing.fits_projector(size, projector_bytes, resources),
            report=command.progress,
        )
    except ModelUnusable as exc:
        print(f"it cannot see pictures: {exc.reason}", file=sys.stderr, flush=True)
        return None


def _check_projector(projector: Path | None, command: ChildCommand) -> None:
    """Raise `ModelUnusable` if the model is to transcribe and has no projector."""
    if projector is None and command.needs_projector:
        raise ModelUnusable(
            "the model cannot transcribe: no mmproj file was found next to it",
            "Set `LLAMA_GGUF` to a model with an mmproj file.",
        )


def _serve(
    path: Path, plan: sizing.ServerParams, command: ChildCommand, projector: Path | None
) -> None:
    try:
        import xllamacpp  # noqa: PLC0415  the one place that loads llama.cpp
    except ImportError as exc:
        raise ModelUnusable(
            "llama.cpp is not installed or cannot be loaded",
            "Run `pip install '.[llama]'`; on a slim system also install libgomp1.",
        ) from exc
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {path.stem}
    params.hostnames = ["127.0.0.1"]
    params.port = command.port
    params.api_keys = [command.key]
    params.cpuparams.n_threads = plan.threads
    params.cpuparams_batch.n_threads = plan.threads
    params.n_ctx = plan.context
    params.n_batch = params.n_ubatch = plan.batch
    params.n_parallel = plan.slots
    params.cache_ram_mib = plan.cache_mib
    params.n_cache_reuse = plan.reuse
    params.sleep_idle_seconds = plan.sleep_seconds
    if plan.steady:
        _keep_steady(params)
    print(f"{path.name}: {plan}", file=sys.stderr, flush=True)
    server = _start_with_projector(xllamacpp, params, projector, plan) if projector else None
    try:
        server = server or xllamacpp.Server(params)
    except RuntimeError as exc:
        # llama.cpp writes the reason to its log only; the parent reads it there.
        print(f"failed to load: {exc}", file=sys.stderr, flush=True)
        raise SystemExit(FAILED) from exc
    command.report("ready", address=server.listening_address, context=plan.context)
    while True:
        time.sleep(3600)


def _keep_steady(params: Any) -> None:
    """Set what holds for requests that say nothing else."""
    params.sampling.temp, params.sampling.top_p, params.sampling.penalty_repeat = STEADY
    params.n_predict = STEADY_TOKENS


def _start_with_projector(
    xllamacpp: Any, params: Any, projector: Path, plan: sizing.ServerParams
) -> Any:
    """Start the server with a projector; None if that is damaged or belongs to another model."""
    params.mmproj.path = str(projector)
    params.image_max_tokens = plan.image_tokens
    try:
        return xllamacpp.Server(params)
    except RuntimeError as exc:
        print(
            f"it cannot see pictures: {projector.name} does not fit: {exc}",
            file=sys.stderr,
            flush=True,
        )
    params.mmproj.path = ""
    return None


if __name__ == "__main__":
    sys.exit(main())
