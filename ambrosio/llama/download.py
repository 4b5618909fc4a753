"""Getting a model from Hugging Face: once, to the end, and checked.

The file stays in the data folder with a note of what it is; from then on no network is needed. A
download that breaks off goes on where it stopped, after a restart too (which the library of that
name no longer does). It blocks, so the bot leaves it to the child process.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import httpx

from ..config.file_lock import file_lock
from . import gguf
from .errors import ModelUnusable, format_bytes

HUB = "https://huggingface.co"
TIMEOUT = httpx.Timeout(60, connect=10)
REFERENCE = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+?)(?::(?P<quant>[\w.-]+))?")
DEFAULT_QUANT = "Q4_K_M"
# What must stay free on the disk for the database and everybody else.
SPARED_BYTES = 500_000_000
READ_BYTES = 1 << 20
# A line that breaks is tried again at once while it still brings something, else so many times.
MAX_TRIES = 4

ProgressCallback = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class DownloadPart:
    """One file of a model, as Hugging Face lists it."""

    name: str
    size: int
    sha256: str


def ensure_model(reference: str, folder: Path, report: ProgressCallback) -> Path:
    """Give the file that `LLAMA_GGUF` means, downloading it if need be, or raise `ModelUnusable`.

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
        raise ModelUnusable(
            f"`{reference}` is neither a .gguf file nor a Hugging Face id",
            "Set `LLAMA_GGUF` like `unsloth/Qwen3.5-4B-GGUF:Q4_K_M`.",
        )
    if whole := find_downloaded(reference, folder):
        return whole
    repo, quant = found["repo"], found["quant"] or ""
    home = folder / repo
    with _translate_errors(repo):
        files = _download(repo, quant, home, report)
        _note(home, quant).write_text(json.dumps([asdict(part) for part in files]))
    return home / files[0].name


def find_downloaded(reference: str, folder: Path) -> Path | None:
    """Give the file of a model that was downloaded before, if it is there and whole."""
    found = REFERENCE.fullmatch(reference)
    if not found:
        return None
    home = folder / found["repo"]
    files = _read_note(_note(home, found["quant"] or ""))
    if files and all(_whole(home / part.name, part) for part in files):
        return home / files[0].name
    return None


def _note(home: Path, quant: str) -> Path:
    return home / f"{quant or 'default'}.json"


def _read_note(note: Path) -> list[DownloadPart]:
    """Read which files a reference meant when it was downloaded."""
    try:
        return [DownloadPart(**part) for part in json.loads(note.read_text())]
    except (OSError, ValueError, TypeError):
        return []


def _whole(path: Path, part: DownloadPart) -> bool:
    return path.exists() and path.stat().st_size == part.size


def choose(files: Sequence[DownloadPart], quant: str) -> list[DownloadPart]:
    """Pick the parts of one model out of a repository's files; none if it has no such one.

    Without a wish it is the usual quantisation, or else the first that is there.
    """
    models = [
        part
        for part in sorted(files, key=lambda part: part.name)
        if part.name.endswith(".gguf") and "mmproj" not in part.name.lower()
    ]
    wanted = re.compile(
        rf"(?<![a-z0-9]){re.escape(quant or DEFAULT_QUANT)}(?![a-z0-9_])", re.IGNORECASE
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


def _download(repo: str, quant: str, home: Path, report: ProgressCallback) -> list[DownloadPart]:
    hub, token = os.environ.get("HF_ENDPOINT") or HUB, os.environ.get("HF_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(
        base_url=hub, headers=headers, timeout=TIMEOUT, follow_redirects=True
    ) as http:
        revision, listed = _list_files(http, repo)
        files = choose(listed, quant)
        if not files:
            raise _nothing(repo, quant, listed)
        home.mkdir(parents=True, exist_ok=True)
        total = sum(part.size for part in files)
        with _exclusive_lock(home):
            _check_disk(files, home)
            for index, part in enumerate(files):
                before = sum(each.size for each in files[:index])
                url = f"/{repo}/resolve/{revision}/{part.name}"
                _get(http, url, part, home / part.name, partial(_add, report, before, total))
    return files


@contextmanager
def _exclusive_lock(home: Path) -> Iterator[None]:
    """Keep a second download out, as the demo's and the bot's go to the same place."""
    with file_lock(home / "lock") as locked:
        if not locked:
            raise ModelUnusable(
                "another Ambrosio process is downloading the model",
                "It will be used as soon as the download is complete.",
                lasting=False,
            )
        yield


def _nothing(repo: str, quant: str, listed: Sequence[DownloadPart]) -> ModelUnusable:
    there = ", ".join(Path(each.name).name for each in listed if each.name.endswith(".gguf"))
    return ModelUnusable(
        f"{repo} has no {quant or '.gguf'} file; there are {there or 'none'}",
        "Correct `LLAMA_GGUF`.",
    )


def _add(report: ProgressCallback, before: int, total: int, done: int) -> None:
    report(before + done, total)


def _list_files(http: httpx.Client, repo: str) -> tuple[str, list[DownloadPart]]:
    """Give the newest revision of a repository and its files."""
    answer = http.get(f"/api/models/{repo}", params={"blobs": "true"})
    answer.raise_for_status()
    found = answer.json()
    parts = [
        DownloadPart(
            each["rfilename"], each.get("size") or 0, (each.get("lfs") or {}).get("sha256", "")
        )
        for each in found["siblings"]
    ]
    return str(found["sha"]), parts


def _check_disk(files: Sequence[DownloadPart], home: Path) -> None:
    begun = sum(each.stat().st_size for each in home.rglob("*.part"))
    missing = sum(part.size for part in files if not _whole(home / part.name, part)) - begun
    free = shutil.disk_usage(home).free
    if missing + SPARED_BYTES > free:
        raise ModelUnusable(
            f"the disk has {format_bytes(free)} free, and the download needs "
            f"{format_bytes(missing + SPARED_BYTES)}",
            "Make room, choose a smaller model, or move `AMBROSIO_DATA_DIR`.",
        )


def _get(
    http: httpx.Client, url: str, part: DownloadPart, path: Path, report: Callable[[int], None]
) -> None:
    """Download a file, or what is missing of it, check it and put it in its place."""
    if _whole(path, part):
        return
    begun = path.with_name(path.name + ".part")
    begun.parent.mkdir(parents=True, exist_ok=True)
    tries = 0
    while (have := _size(begun)) < part.size:
        try:
            _append(http, url, begun, report)
        except httpx.TransportError as exc:
            broken: Exception | None = exc
        else:
            broken = None
        tries = 0 if _size(begun) > have else tries + 1
        if tries == MAX_TRIES:
            raise _unreachable() from broken
        time.sleep(tries)
    _check_sum(begun, part)
    begun.replace(path)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _append(http: httpx.Client, url: str, begun: Path, report: Callable[[int], None]) -> None:
    """Put what comes behind what is there; a server that does not know how starts afresh."""
    have = _size(begun)
    # Packed, the bytes could not be counted.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with http.stream("GET", url, headers=headers) as answer:
        answer.raise_for_status()
        goes_on = answer.status_code == httpx.codes.PARTIAL_CONTENT
        with begun.open("ab" if goes_on else "wb") as file:
            report(file.tell())
            for piece in answer.iter_raw():
                file.write(piece)
                report(file.tell())


def _check_sum(path: Path, part: DownloadPart) -> None:
    if not part.sha256:
        return
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            digest.update(piece)
    if digest.hexdigest() != part.sha256:
        # Kept, it would be taken for whole the next time.
        path.unlink()
        raise ModelUnusable(
            f"{Path(part.name).name} arrived damaged: its checksum is not what was promised",
            "I get it again by myself; if that does not help, choose another model.",
            lasting=False,
        )


@contextmanager
def _translate_errors(repo: str) -> Iterator[None]:
    """Turn what can go wrong with a download into a plain line."""
    try:
        yield
    except httpx.HTTPStatusError as exc:
        raise _refusal(repo, exc.response) from exc
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise _unreachable() from exc
    except (KeyError, TypeError, ValueError) as exc:
        raise _bad_answer() from exc
    except OSError as exc:
        if exc.errno == errno.ENOSPC:
            raise ModelUnusable(
                "the disk is full", "Make room; I go on where the download stopped."
            ) from exc
        raise ModelUnusable(
            f"the download cannot be written: {exc.strerror}", "Check `AMBROSIO_DATA_DIR`."
        ) from exc


def _refusal(repo: str, answer: httpx.Response) -> ModelUnusable:
    if answer.headers.get("x-error-code") == "GatedRepo" or answer.status_code == 403:
        return ModelUnusable(
            f"{repo} wants its licence to be accepted first",
            "Accept it on its page at Hugging Face and set `HF_TOKEN`.",
        )
    # It answers 401 to whoever may not know whether something is there.
    if answer.status_code in {401, 404}:
        return ModelUnusable(
            f"there is no model {repo} at Hugging Face, or it is private", "Correct `LLAMA_GGUF`."
        )
    return _bad_answer()


def _unreachable() -> ModelUnusable:
    return ModelUnusable(
        "Hugging Face cannot be reached",
        "Check the network; I go on by myself where the download stopped.",
        lasting=False,
    )


def _bad_answer() -> ModelUnusable:
    return ModelUnusable(
        "Hugging Face gave an answer that I cannot use", "I try again by myself.", lasting=False
    )
