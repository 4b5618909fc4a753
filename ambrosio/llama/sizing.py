"""What llama.cpp is given of the machine: threads, context, batch, caches, and when it sleeps.

Pure but for `measured`, which looks at the machine. It rather promises a smaller context than a
machine that swaps: a model that cannot fit is refused with the sum.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from .errors import ModelUnusable, format_bytes
from .gguf import ModelSize

MB = 1_000_000
MIB = 1 << 20
CONTEXTS = (32_768, 16_384, 8_192, 4_096, 2_048)
# More than this only where there is plenty: every token of it is memory that is never given back.
DEFAULT_CONTEXT = 8_192
# llama.cpp itself, and the tables it works with for one batch.
WORKING_BYTES = 300 * MB
# The bot, the system and whatever else lives there.
SPARED_BYTES = 300 * MB
# The prompts of other chats wait here. The server's own limit is 8 GiB.
MAX_CACHE_BYTES = 2_048 * MIB
MIN_CACHE_BYTES = 64 * MIB
# A cancel bites between two batches; on few cores a batch of 512 takes seconds.
BATCH, SMALL_BATCH = 512, 256
FEW_CORES = 4
SLEEP_SECONDS = 1_800
# With a model that small, threads wait for each other longer than they work.
ONE_THREAD_BYTES = 50 * MB


@dataclass(frozen=True, slots=True)
class Resources:
    """What there is: cores that we may use, memory that is free, and memory in all."""

    cores: int
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class ServerParams:
    """What llama.cpp is started with; `sleep_seconds` is -1 for never.

    One slot and a cache of prompts serve several chats better than several slots do. Chunks of
    `reuse` tokens and more are moved to their new place when the history is cut, instead of being
    read again, by models whose memory allows that.
    """

    threads: int
    context: int
    batch: int
    cache_mib: int
    sleep_seconds: int
    slots: int = 1
    reuse: int = 32


def plan_params(size: ModelSize, resources: Resources) -> ServerParams:
    """Fit a model to a machine, or raise `ModelUnusable` with the sum."""
    free = resources.free_bytes - SPARED_BYTES
    longest = size.trained_context or DEFAULT_CONTEXT
    wished = [context for context in CONTEXTS if context <= longest] or [longest]
    fitting = [context for context in wished if _fits(size, context, free)]
    if not fitting:
        raise _refusal(size, wished[-1], resources)
    context = fitting[0]
    left = free - _need(size, context)
    cache = min(MAX_CACHE_BYTES, left // 2)
    few = resources.cores <= FEW_CORES
    return ServerParams(
        threads=_threads(size, resources.cores),
        context=context,
        batch=SMALL_BATCH if few else BATCH,
        cache_mib=cache // MIB if cache >= MIN_CACHE_BYTES else 0,
        # Somebody else may want the memory of a model that fills much of it.
        sleep_seconds=SLEEP_SECONDS if _need(size, context) * 4 > resources.total_bytes else -1,
    )


def _threads(size: ModelSize, cores: int) -> int:
    if size.weights_bytes < ONE_THREAD_BYTES:
        return 1
    # On a larger machine one core stays free for everything else.
    return cores if cores <= FEW_CORES else cores - 1


def _fits(size: ModelSize, context: int, free: int) -> bool:
    share = free if context <= DEFAULT_CONTEXT else free // 2
    return _need(size, context) <= share


def _need(size: ModelSize, context: int) -> int:
    return size.weights_bytes + context * size.token_bytes + WORKING_BYTES


def _refusal(size: ModelSize, context: int, resources: Resources) -> ModelUnusable:
    return ModelUnusable(
        f"the model needs {format_bytes(_need(size, context) + SPARED_BYTES)} of memory: "
        f"{format_bytes(size.weights_bytes)} for itself, {format_bytes(context * size.token_bytes)} for "
        f"{context:,} tokens of context, {format_bytes(WORKING_BYTES)} to work with and "
        f"{format_bytes(SPARED_BYTES)} for everything else; {format_bytes(resources.free_bytes)} of "
        f"{format_bytes(resources.total_bytes)} are free",
        "Set `LLAMA_GGUF` to a smaller model, or free some memory.",
    )


def measure_resources(root: Path = Path("/")) -> Resources:
    """Look at the machine, and at the limits of the container that we may be in."""
    fields = _fields(root / "proc/meminfo")
    total = fields.get("MemTotal", 0) or os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # A system that does not tell what is free: half is a fair guess.
    free = fields.get("MemAvailable", total // 2)
    for folder in (root / "sys/fs/cgroup", root / "sys/fs/cgroup/memory"):
        limit, used = _limits(folder)
        if limit:
            total, free = min(total, limit), min(free, max(0, limit - used))
    return Resources(_cores(root), free, total)


def _fields(path: Path) -> dict[str, int]:
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {line[0].rstrip(":"): int(line[1]) * 1024 for line in lines if len(line) > 1}


def _limits(folder: Path) -> tuple[int, int]:
    """Give a container's limit of memory and what is used of it without the files it has read."""
    names = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))
    for most, now in names:
        try:
            limit, used = (folder / most).read_text().strip(), int((folder / now).read_text())
            stat = (folder / "memory.stat").read_text().split()
        except (OSError, ValueError):
            continue
        if not limit.isdigit():
            return 0, 0
        known = dict(zip(stat[::2], stat[1::2], strict=False))
        return int(limit), used - int(known.get("inactive_file", 0))
    return 0, 0


def _cores(root: Path) -> int:
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    try:
        quota, period = (root / "sys/fs/cgroup/cpu.max").read_text().split()
        cores = min(cores, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        # No container, or one without a limit.
        pass
    return cores
