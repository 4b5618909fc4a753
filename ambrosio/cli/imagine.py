"""`ambrosio imagine`: the same studio in the terminal.

Only the pictures go to stdout, if they are to go there; everything else goes to stderr.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from ..assistant import captions
from ..assistant.answers import Assistant
from ..assistant.images import ImageAssistant, ImageOrder, ImageProgress, ImageResult
from ..core import texts
from ..core.images import Image, ImagePrompt
from ..core.messages import TERMINAL, Turn
from ..images.options import OptionError, parse

# Where "-" stands for a file.
STDOUT = Path("-")
TICK_SECONDS = 0.5
KINDS = {".jpg": "jpeg"}


def requote(words: Sequence[str]) -> str:
    """Put together what the shell has taken apart, and give options their quotes back."""
    before, text = "", []
    for word in words:
        belongs = before.startswith("--") and " " in word
        text.append(f'"{word}"' if belongs else word)
        before = word
    return " ".join(text)


def read(text: str, output: Path | None) -> ImagePrompt | OptionError:
    """Read what was typed, and find out what is wrong with it before anybody is paid."""
    wish = parse(text)
    if isinstance(wish, OptionError):
        return wish
    if not wish.prompt:
        return OptionError(texts.NO_PROMPT)
    if output == STDOUT:
        return OptionError(texts.ONE_IMAGE_PER_PIPE) if wish.count > 1 else wish
    folder = output.parent if output else Path()
    if not os.access(folder, os.W_OK) or (output and output.is_dir()):
        return OptionError(texts.OUTPUT_NOT_WRITABLE.format(path=output or folder))
    return wish


async def draw(
    assistant: Assistant,
    studio: ImageAssistant,
    wish: ImagePrompt,
    output: Path | None,
    canvas: ImageProgress,
    *,
    now: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> int:
    """Paint a wish and write the files; give the exit code.

    What has been painted is kept and accounted for, whatever becomes of the files.
    """
    turn = assistant.with_privacy(_turn(assistant, wish, now))
    order = ImageOrder(turn, wish, local_only=turn.local_only)
    async with asyncio.TaskGroup() as group:
        showing = group.create_task(_show(order, canvas, now, sleep))
        try:
            work = await studio.generate(order, canvas)
        finally:
            showing.cancel()
    _clear()
    if work is None:
        return 1
    studio.save(work)
    try:
        for path, picture in zip(_paths(work, output), work.images, strict=True):
            _write(path, picture)
    except OSError:
        _say(f"error: {texts.IMAGE_NOT_WRITTEN}")
        return 1
    return _told(work, studio)


def _turn(assistant: Assistant, wish: ImagePrompt, now: Callable[[], float]) -> Turn:
    return Turn(
        chat=TERMINAL,
        message_id=int(now() * 1000),
        user_id=TERMINAL.chat_id,
        question=f"/imagine {wish.prompt}",
        parent_id=assistant.latest_turn_id(TERMINAL),
    )


# --- the files ------------------------------------------------------------------------------------


def _paths(work: ImageResult, output: Path | None) -> Iterator[Path]:
    """Name a file for each picture: as asked, the further ones with their number."""
    for number, picture in enumerate(work.images, 1):
        if output is None:
            yield Path(captions.name(picture))
        elif output == STDOUT:
            yield STDOUT
        else:
            stem = output.stem if number == 1 else f"{output.stem}-{number}"
            yield output.with_name(stem + (output.suffix or f".{captions.suffix(picture)}"))


def _write(path: Path, picture: Image) -> None:
    if path == STDOUT:
        sys.stdout.buffer.write(picture.content)
        sys.stdout.buffer.flush()
        return
    path.write_bytes(picture.content)
    kind = KINDS.get(path.suffix.lower(), path.suffix.lower().removeprefix("."))
    _say(
        str(path) if kind == picture.format else f"{path}, in truth a {picture.format.upper()} file"
    )


# --- what is said ---------------------------------------------------------------------------------


async def _show(
    order: ImageOrder,
    canvas: ImageProgress,
    now: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Show how far it is: a line that changes on a screen, nothing in a log."""
    began = now()
    while sys.stderr.isatty():
        line = f"{now() - began:3.0f} s  {' '.join(canvas.status(order).split())}"
        width = shutil.get_terminal_size().columns
        print(f"\r\x1b[K{line[: width - 1]}", end="", file=sys.stderr, flush=True)
        await sleep(TICK_SECONDS)


def _clear() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _told(work: ImageResult, studio: ImageAssistant) -> int:
    if work.done:
        _say(captions.details(work, studio))
        for note in captions.notes(work):
            _say(note)
    if work.done and work.missing:
        _say(f"{len(work.done)} of {len(work.seeds)}")
    if work.failure:
        _say(f"error: {work.failure.owner_message}")
    elif work.stopped:
        _say("stopped")
    return 130 if work.stopped else 1 if work.failure else 0


def _say(line: str) -> None:
    print(line, file=sys.stderr)
