"""What llama.cpp is given of the machine: threads, context, batch, caches, and when it sleeps.

Pure but for `measured`, which looks at the machine. It rather promises a smaller context than a
machine that swaps: a model that cannot fit is refused with the sum.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from .errors import Unusable, amount
from .gguf import Shape

MB = 1_000_000
MIB = 1 << 20
CONTEXTS = (32_768, 16_384, 8_192, 4_096, 2_048)
# More than this only where there is plenty: every token of it is memory that is never given back.
USUAL_CONTEXT = 8_192
# llama.cpp itself, and the tables it works with for one batch.
WORKING_BYTES = 300 * MB
# The bot, the system and whatever else lives there.
SPARED_BYTES = 300 * MB
# The prompts of other chats wait here. The server's own limit is 8 GiB.
LARGEST_CACHE_BYTES = 2_048 * MIB
SMALLEST_CACHE_BYTES = 64 * MIB
# A cancel bites between two batches; on few cores a batch of 512 takes seconds.
BATCH, SMALL_BATCH = 512, 256
FEW_CORES = 4
SLEEP_SECONDS = 1_800
# With a model that small, threads wait for each other longer than they work.
ONE_THREAD_BYTES = 50 * MB


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is: cores that we may use, memory that is free, and memory in all."""

    cores: int
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
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


def plan(shape: Shape, machine: Machine) -> Plan:
    """Fit a model to a machine, or raise `Unusable` with the sum."""
    free = machine.free_bytes - SPARED_BYTES
    longest = shape.trained_context or USUAL_CONTEXT
    wished = [size for size in CONTEXTS if size <= longest] or [longest]
    fitting = [size for size in wished if _fits(shape, size, free)]
    if not fitting:
        raise _refusal(shape, wished[-1], machine)
    context = fitting[0]
    left = free - _need(shape, context)
    cache = min(LARGEST_CACHE_BYTES, left // 2)
    few = machine.cores <= FEW_CORES
    return Plan(
        threads=_threads(shape, machine.cores),
        context=context,
        batch=SMALL_BATCH if few else BATCH,
        cache_mib=cache // MIB if cache >= SMALLEST_CACHE_BYTES else 0,
        # Somebody else may want the memory of a model that fills much of it.
        sleep_seconds=SLEEP_SECONDS if _need(shape, context) * 4 > machine.total_bytes else -1,
    )


def _threads(shape: Shape, cores: int) -> int:
    if shape.weights_bytes < ONE_THREAD_BYTES:
        return 1
    # On a larger machine one core stays free for everything else.
    return cores if cores <= FEW_CORES else cores - 1


def _fits(shape: Shape, context: int, free: int) -> bool:
    share = free if context <= USUAL_CONTEXT else free // 2
    return _need(shape, context) <= share


def _need(shape: Shape, context: int) -> int:
    return shape.weights_bytes + context * shape.token_bytes + WORKING_BYTES


def _refusal(shape: Shape, context: int, machine: Machine) -> Unusable:
    return Unusable(
        f"the model needs {amount(_need(shape, context) + SPARED_BYTES)} of memory: "
        f"{amount(shape.weights_bytes)} for itself, {amount(context * shape.token_bytes)} for "
        f"{context:,} tokens of context, {amount(WORKING_BYTES)} to work with and "
        f"{amount(SPARED_BYTES)} for everything else; {amount(machine.free_bytes)} of "
        f"{amount(machine.total_bytes)} are free",
        "Set `LLAMA_GGUF` to a smaller model, or free some memory.",
    )


def measured(root: Path = Path("/")) -> Machine:
    """Look at the machine, and at the limits of the container that we may be in."""
    fields = _fields(root / "proc/meminfo")
    total = fields.get("MemTotal", 0) or os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # A system that does not tell what is free: half is a fair guess.
    free = fields.get("MemAvailable", total // 2)
    for folder in (root / "sys/fs/cgroup", root / "sys/fs/cgroup/memory"):
        limit, used = _limits(folder)
        if limit:
            total, free = min(total, limit), min(free, max(0, limit - used))
    return Machine(_cores(root), free, total)


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
