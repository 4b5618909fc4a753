"""The child process that decodes one file: `python -m ambrosio.media`.

Started by `client` only. It reads one job from stdin, writes the results to stdout and exits.
Where a decoder fails in a way that nobody has foreseen, it exits without a word, which the parent
calls a crash.
"""

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, NoReturn

from ..core.file_errors import FileError, FileTooDemanding, MediaNotInstalled
from . import protocol, sandbox
from .protocol import Job, pack, pack_failure

Decoder = Callable[[Job], Iterator[bytes]]
# A module, and its function for each job. A module is imported before the limits are set.
DECODERS: Mapping[str, tuple[str, str]] = {
    "audio": ("sound", "cut_audio"),
    "voice": ("sound", "encode_voice"),
    "picture": ("pictures", "convert_picture"),
    "document": ("documents", "read_document"),
    "page": ("pages", "draw_page"),
    "web_page": ("documents", "read_web_page"),
}
WHAT_FOR: Mapping[str, str] = {"sound": "recordings", "pictures": "pictures", "pages": "PDF files"}


def main() -> NoReturn:
    """Do one job, and exit."""
    out = _own_stdout()
    job, parent_id = protocol.read_job(sys.stdin.buffer)
    try:
        decode = _load_decoder(job)
        sandbox.enter(
            parent_id, memory_bytes=protocol.MAX_MEMORY_BYTES, cpu_seconds=job.cpu_seconds
        )
        for frame in decode(job):
            out.write(frame)
            out.flush()
        out.write(pack({"kind": "end"}))
    except FileError as exc:
        out.write(pack_failure(exc))
    except (MemoryError, RecursionError):
        out.write(pack_failure(FileTooDemanding()))
    out.flush()
    # Not `sys.exit`: the destructors of libraries that a hostile file has been through would run.
    os._exit(0)


def _own_stdout() -> BinaryIO:
    """Keep stdout for frames; what a library prints goes nowhere."""
    ours = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(ours, "wb")


def _load_decoder(job: Job) -> Decoder:
    module, function = DECODERS[job.name]
    try:
        loaded = importlib.import_module(f".{module}", __package__)
    except ImportError as exc:
        raise MediaNotInstalled(WHAT_FOR[module]) from exc
    decode: Decoder = getattr(loaded, function)
    return decode


if __name__ == "__main__":
    main()
