"""Finds the projector with which a model reads pictures or sound: the `mmproj` file next to it.

By llama.cpp's own rules (`find_best_mmproj` in its common/download.cpp), so that what `-hf` would
load is loaded. Pure, but for `find_beside`.
"""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

MARK = "mmproj"
# What a name says of the bits of a weight: Q4_K_M, IQ2_XS, BF16, F32, MXFP4.
BITS = re.compile(r"(?<![a-z0-9])(?:u?d-?)?(?:i?q|bf|f|mxfp|nvfp)(\d{1,2})(?!\d)", re.IGNORECASE)


def is_projector(name: str) -> bool:
    """Say whether a file of a repository is one."""
    return name.endswith(".gguf") and MARK in name.lower()


def choose(names: Iterable[str], model: str) -> str:
    """Choose the projector for a model by its path in the repository; "" if there is none.

    One in the model's own folder, else in one above it; among several, the one whose weights have
    about as many bits as the model's.
    """
    folders = PurePosixPath(model).parent.parts
    bits = _bits(model)

    def rank(name: str) -> tuple[int, int, str]:
        return (-len(PurePosixPath(name).parent.parts), abs(_bits(name) - bits), name)

    near = [
        name
        for name in names
        if is_projector(name)
        and folders[: len(PurePosixPath(name).parent.parts)] == PurePosixPath(name).parent.parts
    ]
    return min(near, key=rank, default="")


def _bits(name: str) -> int:
    found = BITS.findall(PurePosixPath(name).name)
    return int(found[-1]) if found else 0


def find_beside(model: Path) -> Path | None:
    """Find the projector in the folder of a model that was not downloaded by us.

    In a folder with several models, only one that is named after this one.
    """
    try:
        names = [path.name for path in model.parent.iterdir() if path.suffix == ".gguf"]
    except OSError:
        return None
    projectors = [name for name in names if is_projector(name)]
    models = {_stem(name) for name in names if not is_projector(name)}
    if len(models) > 1:
        projectors = [name for name in projectors if _stem(model.name) in name.lower()]
    chosen = choose(projectors, model.name)
    return model.with_name(chosen) if chosen else None


def _stem(name: str) -> str:
    """Return a model's name without its quantisation, and without the number of its part."""
    name = re.sub(r"-\d{5}-of-\d{5}$", "", name.lower().removesuffix(".gguf"))
    return re.split(r"[-.](?:ud-)?(?:i?q\d|bf16|f16|f32|mxfp4)", name)[0]
