"""Downloads a GGUF model from Hugging Face, resumes broken downloads and checks the SHA-256.

The file stays in the data folder, with a JSON note of which files belong to the model, so later
starts need no network. A broken download resumes where it stopped, even after a restart. Blocks, so
only child processes call it.
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
from ..config.network import blocking_client, trusted_certificates
from ..core.errors import InvalidSettings
from . import gguf, projector
from .errors import ModelUnusable, format_bytes

HUB = "https://huggingface.co"
TIMEOUT = httpx.Timeout(60, connect=10)
REFERENCE = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+?)(?::(?P<quant>[\w.-]+))?")
DEFAULT_QUANT = "Q4_K_M"
# Kept free on the disk for the database and everything else.
RESERVED_BYTES = 500_000_000
READ_BYTES = 1 << 20
# Tries in a row without a single new byte; a connection that brings data is retried at once.
MAX_TRIES = 4

ProgressCallback = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class DownloadPart:
    """One file of a model, as Hugging Face lists it; `size` is in bytes, `sha256` in hex."""

    name: str
    size: int
    sha256: str


def ensure_model(reference: str, folder: Path, report: ProgressCallback) -> Path:
    """Return the file that `LLAMA_GGUF` refers to, downloaded if need be, or raise `ModelUnusable`.

    Args:
        reference: a path, or `owner/repo:QUANT` at Hugging Face.
        folder: where downloads are kept.
        report: called with the bytes downloaded so far and the total.
    """
    path = Path(reference).expanduser()
    if path.suffix == ".gguf" or path.exists():
        return path
    match = REFERENCE.fullmatch(reference)
    if not match:
        raise ModelUnusable(
            f"`{reference}` is neither a .gguf file nor a Hugging Face id",
            "Set `LLAMA_GGUF` like `unsloth/Qwen3.5-4B-GGUF:Q4_K_M`.",
        )
    if downloaded := find_downloaded(reference, folder):
        return downloaded
    repo, quant = match["repo"], match["quant"] or ""
    repo_folder = folder / repo
    with _translate_errors(repo):
        files = _download(repo, quant, repo_folder, report)
        _note(repo_folder, quant).write_text(json.dumps([asdict(part) for part in files]))
    return repo_folder / files[0].name


def ensure_projector(
    reference: str,
    folder: Path,
    model: Path,
    *,
    fits: Callable[[int], bool],
    report: ProgressCallback,
) -> Path | None:
    """Return a model's mmproj file, downloaded if need be; None if it has none.

    Raises `ModelUnusable` if it cannot be downloaded. Which one it is, is noted, so that later
    starts need no network.

    Args:
        reference: what `LLAMA_GGUF`, or whatever names the model, refers to.
        folder: where downloads are kept.
        model: the model's own file, from `ensure_model`.
        fits: says whether there is room for so many bytes; if not, nothing is downloaded.
        report: called with the bytes downloaded so far and the total.
    """
    match = REFERENCE.fullmatch(reference)
    if model == Path(reference).expanduser() or not match:
        path = projector.find_beside(model)
        return path if path and fits(path.stat().st_size) else None
    repo, repo_folder = match["repo"], folder / match["repo"]
    note = repo_folder / f"{match['quant'] or 'default'}.{projector.MARK}.json"
    with _translate_errors(repo), _hub() as http:
        if not note.exists():
            _, listed = _list_files(http, repo)
            name = projector.choose(
                [part.name for part in listed], model.relative_to(repo_folder).as_posix()
            )
            chosen = [asdict(part) for part in listed if part.name == name]
            note.write_text(json.dumps(chosen))
        files = _read_note(note)
        if not files or not fits(files[0].size):
            return None
        path = repo_folder / files[0].name
        if not _is_complete(path, files[0]):
            with _exclusive_lock(repo_folder):
                _check_disk(files, repo_folder)
                url = f"/{repo}/resolve/main/{files[0].name}"
                _get(http, url, files[0], path, partial(_add, report, 0, files[0].size))
    return path


def find_downloaded(reference: str, folder: Path) -> Path | None:
    """Return the first file of a model that is completely downloaded, or None."""
    match = REFERENCE.fullmatch(reference)
    if not match:
        return None
    repo_folder = folder / match["repo"]
    files = _read_note(_note(repo_folder, match["quant"] or ""))
    if files and all(_is_complete(repo_folder / part.name, part) for part in files):
        return repo_folder / files[0].name
    return None


def _note(repo_folder: Path, quant: str) -> Path:
    return repo_folder / f"{quant or 'default'}.json"


def _read_note(note: Path) -> list[DownloadPart]:
    """Read which files were downloaded for a reference; none if the note is missing or invalid."""
    try:
        return [DownloadPart(**part) for part in json.loads(note.read_text())]
    except (OSError, ValueError, TypeError):
        return []


def _is_complete(path: Path, part: DownloadPart) -> bool:
    return path.exists() and path.stat().st_size == part.size


def choose_files(files: Sequence[DownloadPart], quant: str) -> list[DownloadPart]:
    """Choose the parts of one model from a repository's files; empty if none matches `quant`.

    Without `quant`, prefers `DEFAULT_QUANT`, else takes the first model by name.
    """
    models = [
        part
        for part in sorted(files, key=lambda part: part.name)
        if part.name.endswith(".gguf") and not projector.is_projector(part.name)
    ]
    pattern = re.compile(
        rf"(?<![a-z0-9]){re.escape(quant or DEFAULT_QUANT)}(?![a-z0-9_])", re.IGNORECASE
    )
    matching = [part for part in models if pattern.search(part.name)]
    # The shortest name is the plain one: UD-Q4_K_M is a variant of Q4_K_M.
    matching.sort(key=lambda part: len(part.name))
    first = next(iter(matching or ([] if quant else models)), None)
    if first is None:
        return []
    names = {path.name for path in gguf.parts(Path(first.name).with_name(_first_of(first.name)))}
    return [part for part in models if Path(part.name).name in names]


def _first_of(name: str) -> str:
    return re.sub(r"-\d{5}-of-(\d{5})\.gguf$", r"-00001-of-\1.gguf", Path(name).name)


def _hub() -> httpx.Client:
    hub, token = os.environ.get("HF_ENDPOINT") or HUB, os.environ.get("HF_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return blocking_client(
        trusted_certificates(),
        base_url=hub,
        headers=headers,
        timeout=TIMEOUT,
        follow_redirects=True,
    )


def _download(repo: str, quant: str, folder: Path, report: ProgressCallback) -> list[DownloadPart]:
    with _hub() as http:
        revision, listed = _list_files(http, repo)
        files = choose_files(listed, quant)
        if not files:
            raise _no_match(repo, quant, listed)
        folder.mkdir(parents=True, exist_ok=True)
        total = sum(part.size for part in files)
        with _exclusive_lock(folder):
            _check_disk(files, folder)
            for index, part in enumerate(files):
                before = sum(earlier.size for earlier in files[:index])
                url = f"/{repo}/resolve/{revision}/{part.name}"
                _get(http, url, part, folder / part.name, partial(_add, report, before, total))
    return files


@contextmanager
def _exclusive_lock(folder: Path) -> Iterator[None]:
    """Prevent a second download of the same model: the demo and the bot share the folder."""
    with file_lock(folder / "lock") as locked:
        if not locked:
            raise ModelUnusable(
                "another Ambrosio process is downloading the model",
                "It will be used as soon as the download is complete.",
                permanent=False,
            )
        yield


def _no_match(repo: str, quant: str, listed: Sequence[DownloadPart]) -> ModelUnusable:
    available = ", ".join(Path(part.name).name for part in listed if part.name.endswith(".gguf"))
    return ModelUnusable(
        f"{repo} has no {quant or '.gguf'} file; available: {available or 'none'}",
        "Correct `LLAMA_GGUF`.",
    )


def _add(report: ProgressCallback, before: int, total: int, done: int) -> None:
    report(before + done, total)


def _list_files(http: httpx.Client, repo: str) -> tuple[str, list[DownloadPart]]:
    """Return the newest revision of a repository (a commit hash) and its files."""
    response = http.get(f"/api/models/{repo}", params={"blobs": "true"})
    response.raise_for_status()
    fields = response.json()
    parts = [
        DownloadPart(
            file["rfilename"], file.get("size") or 0, (file.get("lfs") or {}).get("sha256", "")
        )
        for file in fields["siblings"]
    ]
    return str(fields["sha"]), parts


def _check_disk(files: Sequence[DownloadPart], folder: Path) -> None:
    partial_bytes = sum(path.stat().st_size for path in folder.rglob("*.part"))
    incomplete = [part for part in files if not _is_complete(folder / part.name, part)]
    missing = sum(part.size for part in incomplete) - partial_bytes
    free = shutil.disk_usage(folder).free
    if missing + RESERVED_BYTES > free:
        raise ModelUnusable(
            f"the disk has {format_bytes(free)} free and the download needs "
            f"{format_bytes(missing + RESERVED_BYTES)}",
            "Free some space, choose a smaller model, or move `AMBROSIO_DATA_DIR`.",
        )


def _get(
    http: httpx.Client, url: str, part: DownloadPart, path: Path, report: Callable[[int], None]
) -> None:
    """Download a file, or the rest of it, check its SHA-256 and move it to its final name."""
    if _is_complete(path, part):
        return
    part_path = path.with_name(path.name + ".part")
    part_path.parent.mkdir(parents=True, exist_ok=True)
    tries = 0
    while (have := _size(part_path)) < part.size:
        try:
            _append(http, url, part_path, report)
        except httpx.TransportError as exc:
            error: Exception | None = exc
        else:
            error = None
        tries = 0 if _size(part_path) > have else tries + 1
        if tries == MAX_TRIES:
            raise _unreachable() from error
        time.sleep(tries)
    _check_sum(part_path, part)
    part_path.replace(path)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _append(http: httpx.Client, url: str, part_path: Path, report: Callable[[int], None]) -> None:
    """Append the rest of the file; a server that ignores `Range` sends it from the start."""
    have = _size(part_path)
    # Compressed, the byte counts would not match.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with http.stream("GET", url, headers=headers) as response:
        response.raise_for_status()
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        with part_path.open("ab" if resumed else "wb") as file:
            report(file.tell())
            for piece in response.iter_raw():
                file.write(piece)
                # Whoever stops it here goes on behind what was told.
                file.flush()
                report(file.tell())


def _check_sum(path: Path, part: DownloadPart) -> None:
    if not part.sha256:
        return
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            digest.update(piece)
    if digest.hexdigest() != part.sha256:
        # Otherwise the next try would take it for complete.
        path.unlink()
        raise ModelUnusable(
            f"{Path(part.name).name} was damaged in the download: its checksum is wrong",
            "It will be downloaded again; if that does not help, choose another model.",
            permanent=False,
        )


@contextmanager
def _translate_errors(repo: str) -> Iterator[None]:
    """Turn anything that can go wrong in a download into `ModelUnusable`."""
    try:
        yield
    except InvalidSettings as exc:
        name, problem, hint = exc.problems[0]
        raise ModelUnusable(f"the variable `{name}` {problem}", f"{hint.capitalize()}.") from exc
    except httpx.HTTPStatusError as exc:
        raise _refusal(repo, exc.response) from exc
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise _unreachable() from exc
    except (KeyError, TypeError, ValueError) as exc:
        raise _bad_answer() from exc
    except OSError as exc:
        if exc.errno == errno.ENOSPC:
            raise ModelUnusable(
                "the disk is full", "Free some space; the download resumes where it stopped."
            ) from exc
        raise ModelUnusable(
            f"the download could not be written: {exc.strerror}", "Check `AMBROSIO_DATA_DIR`."
        ) from exc


def _refusal(repo: str, response: httpx.Response) -> ModelUnusable:
    if response.headers.get("x-error-code") == "GatedRepo" or response.status_code == 403:
        return ModelUnusable(
            f"{repo} requires you to accept its licence first",
            "Accept it on the model's page at Hugging Face and set `HF_TOKEN`.",
        )
    # Without a token, Hugging Face answers 401 both for private and for missing repositories.
    if response.status_code in {401, 404}:
        return ModelUnusable(
            f"Hugging Face has no model {repo}, or it is private", "Correct `LLAMA_GGUF`."
        )
    return _bad_answer()


def _unreachable() -> ModelUnusable:
    return ModelUnusable(
        "Hugging Face cannot be reached",
        "Check the network; the download resumes by itself.",
        permanent=False,
    )


def _bad_answer() -> ModelUnusable:
    return ModelUnusable(
        "Hugging Face sent an unexpected response",
        "The download is retried by itself.",
        permanent=False,
    )
