"""The child process in which llama.cpp runs: `python -m ambrosio.llama`.

Started by `engine` and by nobody else: its orders are one line of JSON on stdin, what becomes of
them is a line of JSON each on stdout, llama.cpp's own log goes to stderr. It ends when stdin does,
so that it never outlives the bot, however that ends.
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
from typing import TextIO

from . import download, gguf, sizing
from .errors import ModelUnusable

FAILED = 3
# What Linux calls the wish to be killed when the parent dies.
PR_SET_PDEATHSIG = 1


class ChildCommand:
    """What the parent wants, and how it is told what comes of it."""

    def __init__(self, line: str, out: TextIO) -> None:
        wishes = json.loads(line)
        self.reference = str(wishes["reference"])
        self.folder = Path(wishes["folder"])
        self.port, self.key = int(wishes["port"]), str(wishes["key"])
        self.parent = int(wishes["parent"])
        self.wishes = dict(wishes["plan"])
        self._out = out
        self._percent = -1

    def tell(self, state: str, **more: object) -> None:
        """Write a line to the parent."""
        with contextlib.suppress(OSError):
            print(json.dumps({"state": state, **more}), file=self._out, flush=True)

    def progress(self, done: int, total: int) -> None:
        """Tell how far a download is, once for every percent."""
        percent = done * 100 // total if total else 0
        if percent != self._percent:
            self._percent = percent
            self.tell("fetching", done=done, total=total)


def main() -> int:
    """Serve the model until the parent goes; give the exit code."""
    orders = ChildCommand(sys.stdin.readline(), _own_stdout())
    _die_with(orders.parent)
    # Ctrl+C and systemd's stop go to the whole family; answers under way get the parent's grace.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_watch, daemon=True).start()
    try:
        path = download.ensure_model(orders.reference, orders.folder, orders.progress)
        orders.tell("loading")
        plan = replace(
            sizing.plan_params(gguf.read_size(path), sizing.measure_resources()), **orders.wishes
        )
        _serve(path, plan, orders)
    except ModelUnusable as exc:
        orders.tell("failed", reason=exc.reason, mend=exc.mend, lasting=exc.lasting)
        return FAILED
    return 0


def _own_stdout() -> TextIO:
    """Keep stdout for ourselves: whatever llama.cpp prints goes to the log."""
    ours = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(ours, "w", encoding="utf-8")


def _die_with(parent: int) -> None:
    # Belt and braces, on Linux: while a model loads, no thread of ours can look at stdin.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def _watch() -> None:
    while sys.stdin.readline():
        pass
    os._exit(0)


def _serve(path: Path, plan: sizing.ServerParams, orders: ChildCommand) -> None:
    try:
        import xllamacpp  # noqa: PLC0415  the one place that loads llama.cpp
    except ImportError as exc:
        raise ModelUnusable(
            "llama.cpp is not installed, or cannot be loaded",
            "Run `pip install 'ambrosio[llama]'`; on a slim system also install libgomp1.",
        ) from exc
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {path.stem}
    params.hostnames = ["127.0.0.1"]
    params.port = orders.port
    params.api_keys = [orders.key]
    params.cpuparams.n_threads = plan.threads
    params.cpuparams_batch.n_threads = plan.threads
    params.n_ctx = plan.context
    params.n_batch = params.n_ubatch = plan.batch
    params.n_parallel = plan.slots
    params.cache_ram_mib = plan.cache_mib
    params.n_cache_reuse = plan.reuse
    params.sleep_idle_seconds = plan.sleep_seconds
    print(f"{path.name}: {plan}", file=sys.stderr, flush=True)
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as exc:
        # The reason is in the log only, where the parent looks for it.
        print(f"not loaded: {exc}", file=sys.stderr, flush=True)
        raise SystemExit(FAILED) from exc
    orders.tell("ready", address=server.listening_address, context=plan.context)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    sys.exit(main())
