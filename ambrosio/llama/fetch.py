"""Getting a model from Hugging Face: once, to the end, and checked.

The file stays in the data folder with a note of its checksum; from then on no network is needed.
A download that breaks off goes on where it stopped. Runs in the child process only, since the
library that does it is large.
"""

import errno
import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

from . import gguf
from .trouble import Unusable, amount

REFERENCE = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+?)(?::(?P<quant>[\w.-]+))?")
USUAL_QUANT = "Q4_K_M"
# What must stay free on the disk for the database and everybody else.
SPARED_BYTES = 500_000_000
READ_BYTES = 1 << 20
# The library tries a broken line again by itself; this is for what it does not.
TRIES = 5

Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a model, as Hugging Face lists it."""

    name: str
    size: int
    sha256: str


def obtain(reference: str, folder: Path, report: Report) -> Path:
    """Give the file that `LLAMA_GGUF` means, downloading it if need be, or raise `Unusable`.

    Args:
        reference: a path, or `owner/repo:QUANT` at Hugging Face.
        folder: where downloads are kept.
        report: is told how many bytes are there, of how many.
    """
    path = Path(reference).expanduser()
    if path.suffix == ".gguf" or path.exists():
        return path
    found = REFERENCE.fullmatch(reference)
    if not found:
        raise Unusable(
            f"`{reference}` is neither a .gguf file nor a Hugging Face id",
            "Set `LLAMA_GGUF` like `unsloth/Qwen3.5-4B-GGUF:Q4_K_M`.",
        )
    repo, quant = found["repo"], found["quant"] or ""
    home = folder / repo
    note = home / f"{quant or 'default'}.json"
    files = _noted(note)
    if not files or not all(_whole(home / part.name, part) for part in files):
        files = _download(repo, quant, home, report)
        note.write_text(json.dumps([asdict(part) for part in files]))
    return home / files[0].name


def _noted(note: Path) -> list[Part]:
    """Read which files a reference meant when it was downloaded."""
    try:
        return [Part(**part) for part in json.loads(note.read_text())]
    except (OSError, ValueError, TypeError):
        return []


def _whole(path: Path, part: Part) -> bool:
    return path.exists() and path.stat().st_size == part.size


def choose(files: Sequence[Part], quant: str) -> list[Part]:
    """Pick the parts of one model out of a repository's files; none if it has no such one.

    Without a wish it is the usual quantisation, or else the first that is there.
    """
    models = [
        part
        for part in sorted(files, key=lambda part: part.name)
        if part.name.endswith(".gguf") and "mmproj" not in part.name.lower()
    ]
    wanted = re.compile(
        rf"(?<![a-z0-9]){re.escape(quant or USUAL_QUANT)}(?![a-z0-9_])", re.IGNORECASE
    )
    fitting = [part for part in models if wanted.search(part.name)]
    # A wish for Q4_K_M does not mean its variant UD-Q4_K_XL, nor the other way round.
    fitting.sort(key=lambda part: len(part.name))
    first = next(iter(fitting or ([] if quant else models)), None)
    if first is None:
        return []
    names = {path.name for path in gguf.parts(Path(first.name).with_name(_first_of(first.name)))}
    return [part for part in models if Path(part.name).name in names]


def _first_of(name: str) -> str:
    return re.sub(r"-\d{5}-of-(\d{5})\.gguf$", r"-00001-of-\1.gguf", Path(name).name)


def _download(repo: str, quant: str, home: Path, report: Report) -> list[Part]:
    with _translating(repo):
        listed = _listed(repo)
    files = choose(listed, quant)
    if not files:
        there = ", ".join(Path(each.name).name for each in listed if each.name.endswith(".gguf"))
        raise Unusable(
            f"{repo} has no {quant or '.gguf'} file; there are {there or 'none'}",
            "Correct `LLAMA_GGUF`.",
        )
    home.mkdir(parents=True, exist_ok=True)
    _check_disk(files, home)
    total = sum(part.size for part in files)
    for index, part in enumerate(files):
        before = sum(each.size for each in files[:index])
        with _translating(repo):
            _get(repo, part, home, partial(_add, report, before, total))
        _check_sum(home / part.name, part)
    return files


def _add(report: Report, before: int, total: int, done: int) -> None:
    report(before + done, total)


def _listed(repo: str) -> list[Part]:
    from huggingface_hub import HfApi  # noqa: PLC0415  large, and needed only once

    info = HfApi(library_name="ambrosio").model_info(repo, files_metadata=True)
    return [
        Part(each.rfilename, each.size or 0, each.lfs.sha256 if each.lfs else "")
        for each in info.siblings or ()
    ]


def _check_disk(files: Sequence[Part], home: Path) -> None:
    started = sum(each.stat().st_size for each in home.rglob("*.incomplete"))
    missing = sum(part.size for part in files if not _whole(home / part.name, part)) - started
    free = shutil.disk_usage(home).free
    if missing + SPARED_BYTES > free:
        raise Unusable(
            f"the disk has {amount(free)} free, and the download needs "
            f"{amount(missing + SPARED_BYTES)}",
            "Make room, choose a smaller model, or move `AMBROSIO_DATA_DIR`.",
        )


def _get(repo: str, part: Part, home: Path, report: Callable[[int], None]) -> None:
    import httpx2  # noqa: PLC0415  what the library speaks HTTP with
    from huggingface_hub import hf_hub_download  # noqa: PLC0415

    for tries in range(1, TRIES + 1):
        try:
            hf_hub_download(repo, part.name, local_dir=home, tqdm_class=_bar(report))
        except httpx2.ReadError:
            if tries == TRIES:
                raise
        else:
            return


def _bar(report: Callable[[int], None]) -> type[Any]:
    """Make something that the library takes for a progress bar and that tells us how far it is."""

    class Bar:
        def __init__(self, *_args: object, initial: int = 0, **_more: object) -> None:
            self._done = initial
            report(initial)

        def update(self, size: float | None = 1) -> None:
            self._done += int(size or 0)
            report(self._done)

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_exc: object) -> None:
            pass

    return Bar


def _check_sum(path: Path, part: Part) -> None:
    if not part.sha256:
        return
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            digest.update(piece)
    if digest.hexdigest() != part.sha256:
        # Kept, it would be taken for whole the next time.
        path.unlink()
        raise Unusable(
            f"{path.name} arrived damaged: its checksum is not the one that Hugging Face names",
            "I get it again by myself; if that does not help, choose another model.",
            lasting=False,
        )


@contextmanager
def _translating(repo: str) -> Iterator[None]:
    """Turn what can go wrong with a download into a plain line."""
    import httpx2  # noqa: PLC0415
    from huggingface_hub import errors  # noqa: PLC0415

    try:
        yield
    except errors.GatedRepoError as exc:
        raise Unusable(
            f"{repo} wants its licence to be accepted first",
            "Accept it on its page at Hugging Face and set `HF_TOKEN`.",
        ) from exc
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as exc:
        raise Unusable(
            f"there is no model {repo} at Hugging Face, or it is private", "Correct `LLAMA_GGUF`."
        ) from exc
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, httpx2.HTTPError) as exc:
        raise _unreachable() from exc
    except OSError as exc:
        raise _disk(exc) from exc


def _unreachable() -> Unusable:
    return Unusable(
        "Hugging Face cannot be reached",
        "Check the network; I go on by myself where the download stopped.",
        lasting=False,
    )


def _disk(exc: OSError) -> Unusable:
    if exc.errno == errno.ENOSPC:
        return Unusable("the disk is full", "Make room; I go on where the download stopped.")
    if exc.strerror:
        reason = f"the download cannot be written: {exc.strerror}"
        return Unusable(reason, "Check `AMBROSIO_DATA_DIR`.")
    # The library's own complaint about a file that ended too early.
    return _unreachable()
