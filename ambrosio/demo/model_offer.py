"""The offer to download a small model, where none is set up and somebody sits at the terminal.

A yes fetches it before the page opens, into the folder that `LLAMA_GGUF` uses too; from then on it
answers without a question. A no is kept as well: one question is polite, two are a nuisance.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from ..llama import download, sizing
from ..llama.errors import ModelUnusable, format_bytes

NO_MODEL = "No model is set up here"


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A model worth offering: its size, and the free memory in which it is at ease, in MB."""

    reference: str
    size_mb: int
    memory_mb: int
    licence: str = "Apache-2.0"

    @property
    def page(self) -> str:
        """Where one can read about it."""
        return f"{download.HUB}/{self.reference.partition(':')[0]}"


# The better one first.
MODELS = (
    OfferedModel("unsloth/Qwen3.5-4B-GGUF:Q4_K_M", size_mb=2_710, memory_mb=5_000),
    OfferedModel("unsloth/Qwen3.5-2B-GGUF:Q4_K_M", size_mb=1_280, memory_mb=2_500),
)


def offer(home: Path, models: Path) -> str:
    """Give the id of a model that is here, or has just been fetched; "" for none.

    Args:
        home: the demo's folder, where a no is kept.
        models: where downloads are kept.
    """
    if find_spec("xllamacpp") is None:
        return _nobody("`pip install 'ambrosio[llama]'` brings llama.cpp, which runs one")
    free = sizing.measure_resources().free_bytes
    fitting = [each for each in MODELS if each.memory_mb * sizing.MB <= free]
    if not fitting:
        return _nobody(f"the {format_bytes(free)} of memory that are free are too little for one")
    for each in fitting:
        if download.find_downloaded(each.reference, models):
            return each.reference
    declined, best = home / "declined", fitting[0]
    later = f"`ambrosio demo --model {best.reference}` downloads one"
    if declined.exists() or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _nobody(later)
    with _interruptible():
        if _ask(best, models):
            return _fetch(best, models)
    declined.touch()
    return _nobody(later)


def _nobody(why: str) -> str:
    print(f"{NO_MODEL}; {why}", file=sys.stderr)
    return ""


def _ask(model: OfferedModel, models: Path) -> bool:
    print(
        f"{NO_MODEL}. A small one can be downloaded and answers on this machine alone:\n\n"
        f"  {model.reference}, {format_bytes(model.size_mb * sizing.MB)}, {model.licence} licence\n"
        f"  from {model.page}\n"
        f"  to   {models}\n"
    )
    print("Download it? Without it, a stand-in answers. [y/N] ", end="", flush=True)
    # Not input(), which can miss a Ctrl+C that comes while it prints its prompt.
    answer = sys.stdin.readline()
    if not answer:
        print()
    return answer.strip().lower() in {"y", "yes"}


def _fetch(model: OfferedModel, models: Path) -> str:
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    try:
        with Progress(TextColumn("Downloading"), *columns) as progress:
            task = progress.add_task("", total=model.size_mb * sizing.MB)

            def report(done: int, total: int) -> None:
                progress.update(task, completed=done, total=total)

            download.ensure_model(model.reference, models, report)
    except ModelUnusable as exc:
        mend = (
            exc.remedy
            if exc.permanent
            else "The next start offers it again, and goes on from here."
        )
        print(f"It could not be downloaded: {exc.reason}. {mend}", file=sys.stderr)
        return ""
    except KeyboardInterrupt:
        print("Stopped; a later download goes on from here", file=sys.stderr)
        raise
    return model.reference


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl+C and the like break off what blocks; the event loop hears them only as it turns."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
