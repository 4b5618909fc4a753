"""Chooses llama.cpp's parameters for this machine: threads, context, batch, caches, sleep.

Pure, except for `measure_resources`. Chooses a smaller context rather than risk swapping, and
refuses a model that cannot fit, with the figures.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from .errors import ModelUnusable, format_bytes
from .gguf import ModelSize

MB = 1_000_000
MIB = 1 << 20
CONTEXTS = (32_768, 16_384, 8_192, 4_096, 2_048)
# More only if memory is plentiful: the KV cache is allocated for the whole context at start.
DEFAULT_CONTEXT = 8_192
# llama.cpp itself, and its compute buffers for one batch.
WORKING_BYTES = 300 * MB
# Left for the bot, the system and everything else.
RESERVED_BYTES = 300 * MB
# What a projector takes besides its file while it reads a picture, measured with Qwen's at 256
# tokens, and the smallest context that it may leave.
PROJECTOR_WORKING_BYTES = 370 * MB
MIN_CONTEXT_WITH_PROJECTOR = 4_096
# The prompt cache in RAM, for the other chats (`--cache-ram`; llama.cpp's default is 8 GiB).
MAX_CACHE_BYTES = 2_048 * MIB
MIN_CACHE_BYTES = 64 * MIB
# A request can only be cancelled between batches; on few cores a batch of 512 takes seconds.
BATCH, SMALL_BATCH = 512, 256
FEW_CORES = 4
SLEEP_SECONDS = 1_800
# In a model this small, threads spend more time waiting for each other than working.
ONE_THREAD_BYTES = 50 * MB
# A model below this, such as SmolLM2-135M, goes round in circles if it is sampled like a large one:
# 5 of 10 answers with llama.cpp's defaults, 1 of 10 with `steady`. Still smaller ones are no models
# of language.
STEADIED_BYTES = 200 * MB


@dataclass(frozen=True, slots=True)
class Resources:
    """The cores this process may use, and its free and total memory."""

    cores: int
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class ServerParams:
    """The parameters of llama.cpp; `context` and `batch` in tokens, `sleep_seconds` -1 for never.

    One slot with a prompt cache serves several chats better than several slots do. After the
    history is cut, runs of at least `reuse` tokens are shifted in the KV cache instead of being
    read again (`--cache-reuse`), if the model supports it; sliding-window models do not. With
    `steady`, answers stay close to what is most likely, repeat less, and come to an end.
    """

    threads: int
    context: int
    batch: int
    cache_mib: int
    sleep_seconds: int
    steady: bool = False
    slots: int = 1
    reuse: int = 32
    # How many tokens a picture takes at most; llama.cpp shrinks it. 0: no pictures.
    image_tokens: int = 256


def fits_projector(size: ModelSize, projector_bytes: int, resources: Resources) -> bool:
    """Say whether there is room for a model's projector too, with a context that is of use."""
    free = resources.free_bytes - RESERVED_BYTES - _projector_need(projector_bytes)
    context = min(size.trained_context or DEFAULT_CONTEXT, MIN_CONTEXT_WITH_PROJECTOR)
    return _need(size, context) <= free


def _projector_need(projector_bytes: int) -> int:
    return projector_bytes + PROJECTOR_WORKING_BYTES if projector_bytes else 0


def plan_params(size: ModelSize, resources: Resources, *, projector_bytes: int = 0) -> ServerParams:
    """Choose parameters for a model on a machine, or raise `ModelUnusable` with the figures.

    `projector_bytes` is the size of its mmproj file, 0 if there is none.
    """
    free = resources.free_bytes - RESERVED_BYTES - _projector_need(projector_bytes)
    max_context = size.trained_context or DEFAULT_CONTEXT
    candidates = [context for context in CONTEXTS if context <= max_context] or [max_context]
    fitting = [context for context in candidates if _fits(size, context, free)]
    if not fitting:
        raise _refusal(size, candidates[-1], resources)
    context = fitting[0]
    left = free - _need(size, context)
    cache = min(MAX_CACHE_BYTES, left // 2)
    few = resources.cores <= FEW_CORES
    return ServerParams(
        threads=_threads(size, resources.cores),
        context=context,
        batch=SMALL_BATCH if few else BATCH,
        cache_mib=cache // MIB if cache >= MIN_CACHE_BYTES else 0,
        steady=ONE_THREAD_BYTES <= size.weights_bytes < STEADIED_BYTES,
        # A model that takes more than a quarter of the memory gives it back when idle.
        sleep_seconds=SLEEP_SECONDS if _need(size, context) * 4 > resources.total_bytes else -1,
    )


def _threads(size: ModelSize, cores: int) -> int:
    if size.weights_bytes < ONE_THREAD_BYTES:
        return 1
    # On a larger machine, one core is left for everything else.
    return cores if cores <= FEW_CORES else cores - 1


def _fits(size: ModelSize, context: int, free: int) -> bool:
    share = free if context <= DEFAULT_CONTEXT else free // 2
    return _need(size, context) <= share


def _need(size: ModelSize, context: int) -> int:
    return size.weights_bytes + context * size.token_bytes + WORKING_BYTES


def _refusal(size: ModelSize, context: int, resources: Resources) -> ModelUnusable:
    needed, cache = _need(size, context) + RESERVED_BYTES, context * size.token_bytes
    free, total = resources.free_bytes, resources.total_bytes
    return ModelUnusable(
        f"the model needs {format_bytes(needed)} of memory: "
        f"{format_bytes(size.weights_bytes)} for its weights, {format_bytes(cache)} for "
        f"{context:,} tokens of context, {format_bytes(WORKING_BYTES)} for buffers and "
        f"{format_bytes(RESERVED_BYTES)} for everything else; {format_bytes(free)} of "
        f"{format_bytes(total)} are free",
        "Set `LLAMA_GGUF` to a smaller model, or free some memory.",
    )


def measure_resources(root: Path = Path("/")) -> Resources:
    """Measure cores and memory, within the limits of the container, if there is one."""
    fields = _fields(root / "proc/meminfo")
    total = fields.get("MemTotal", 0) or os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # macOS has no /proc/meminfo: assume that half is free.
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
    """Return a cgroup's memory limit and use in bytes, without the page cache; 0, 0 if no limit."""
    names = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))
    for limit_name, usage_name in names:
        try:
            limit, used = (
                (folder / limit_name).read_text().strip(),
                int((folder / usage_name).read_text()),
            )
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
        # Not in a container, or no CPU limit.
        pass
    return cores
