"""The offer to download a small model, made on a terminal if no model is set up.

After a yes, the model is downloaded before the page opens, into the folder that `LLAMA_GGUF` uses
too; later starts use it without asking. A no is remembered, so the question is asked only once.
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

NO_MODEL = "No model is set up"


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A model worth offering; its download size and the free memory it needs are in MB."""

    reference: str
    size_mb: int
    memory_mb: int
    licence: str = "Apache-2.0"

    @property
    def page(self) -> str:
        """The URL of its web page."""
        return f"{download.HUB}/{self.reference.partition(':')[0]}"


# Best first.
MODELS = (
    OfferedModel("unsloth/Qwen3.5-4B-GGUF:Q4_K_M", size_mb=2_710, memory_mb=5_000),
    OfferedModel("unsloth/Qwen3.5-2B-GGUF:Q4_K_M", size_mb=1_280, memory_mb=2_500),
)


def offer(demo_dir: Path, models_dir: Path) -> str:
    """Return the reference of a model already or just downloaded; "" for none.

    Args:
        demo_dir: The demo's folder, where a no is recorded.
        models_dir: The folder for downloads.
    """
    if find_spec("xllamacpp") is None:
        return _explain("to run one here, install llama.cpp with `pip install 'ambrosio[llama]'`")
    free = sizing.measure_resources().free_bytes
    fitting = [model for model in MODELS if model.memory_mb * sizing.MB <= free]
    if not fitting:
        return _explain(f"{format_bytes(free)} of free memory is not enough to run one")
    for model in fitting:
        if download.find_downloaded(model.reference, models_dir):
            return model.reference
    declined, best = demo_dir / "declined", fitting[0]
    hint = f"`ambrosio demo --model {best.reference}` downloads one"
    if declined.exists() or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _explain(hint)
    with _interruptible():
        if _ask(best, models_dir):
            return _fetch(best, models_dir)
    declined.touch()
    return _explain(hint)


def _explain(why: str) -> str:
    print(f"{NO_MODEL}; {why}", file=sys.stderr)
    return ""


def _ask(model: OfferedModel, models_dir: Path) -> bool:
    print(
        f"{NO_MODEL}. A small one can be downloaded and runs entirely on this machine:\n\n"
        f"  {model.reference}, {format_bytes(model.size_mb * sizing.MB)}, {model.licence} licence\n"
        f"  from {model.page}\n"
        f"  to   {models_dir}\n"
    )
    print("Download it? Otherwise the demo gives canned answers. [y/N] ", end="", flush=True)
    # Not input(): it can miss a Ctrl+C that arrives while it prints its prompt.
    answer = sys.stdin.readline()
    if not answer:
        print()
    return answer.strip().lower() in {"y", "yes"}


def _fetch(model: OfferedModel, models_dir: Path) -> str:
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    try:
        with Progress(TextColumn("Downloading"), *columns) as progress:
            task = progress.add_task("", total=model.size_mb * sizing.MB)

            def report(done: int, total: int) -> None:
                progress.update(task, completed=done, total=total)

            download.ensure_model(model.reference, models_dir, report)
    except ModelUnusable as exc:
        remedy = exc.remedy if exc.permanent else "The next start offers it again and resumes."
        print(f"Download failed: {exc.reason}. {remedy}", file=sys.stderr)
        return ""
    except KeyboardInterrupt:
        print("Stopped; the next download resumes here", file=sys.stderr)
        raise
    return model.reference


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl+C and SIGTERM interrupt blocking code; asyncio would handle them only afterwards."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
