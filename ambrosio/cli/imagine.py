"""`ambrosio imagine`: images from the terminal, written to files or to standard output.

Only image data goes to stdout; everything else goes to stderr.
"""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from ..app import now, open_app
from ..assistant import captions
from ..assistant.answers import Assistant
from ..assistant.images import ImageAssistant, ImageProgress, ImageResult
from ..config.settings import Settings
from ..core import texts
from ..core.images import Image, ImageOrder, ImagePrompt
from ..core.messages import TERMINAL, Turn
from ..images.options import OptionError, parse
from .hints import print_error

# What `-o -` names.
STDOUT = Path("-")
TICK_SECONDS = 0.5
# Suffixes that differ from the name of their format.
FORMATS = {".jpg": "jpeg"}


async def imagine(settings: Settings, words: tuple[str, ...], output: Path | None) -> int:
    """Generate images and write them; return the exit code."""
    prompt = parse_prompt(requote(words), output)
    if isinstance(prompt, OptionError):
        print_error(prompt.line)
        return 2
    progress = ImageProgress()
    # Images that are done have been paid for, so Ctrl+C stops the order and keeps them.
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, progress.stop)
    async with open_app(settings) as app:
        return await generate(app.assistant, app.image_assistant, prompt, output, progress, now=now)


def requote(words: Sequence[str]) -> str:
    """Join the words that the shell split, and quote the values that had quotes."""
    previous, quoted = "", []
    for word in words:
        is_option_value = previous.startswith("--") and " " in word
        quoted.append(f'"{word}"' if is_option_value else word)
        previous = word
    return " ".join(quoted)


def parse_prompt(text: str, output: Path | None) -> ImagePrompt | OptionError:
    """Parse the prompt and its options, and check the output before the call is paid for."""
    prompt = parse(text)
    if isinstance(prompt, OptionError):
        return prompt
    if not prompt.prompt:
        return OptionError(texts.NO_PROMPT)
    if output == STDOUT:
        return OptionError(texts.ONE_IMAGE_PER_PIPE) if prompt.count > 1 else prompt
    folder = output.parent if output else Path()
    if not os.access(folder, os.W_OK) or (output and output.is_dir()):
        return OptionError(texts.OUTPUT_NOT_WRITABLE.format(path=output or folder))
    return prompt


async def generate(
    assistant: Assistant,
    image_assistant: ImageAssistant,
    prompt: ImagePrompt,
    output: Path | None,
    progress: ImageProgress,
    *,
    now: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> int:
    """Generate the images and write the files; return the exit code.

    Finished images are stored and charged even if their files cannot be written.
    """
    turn = assistant.with_privacy(_turn(assistant, prompt, now))
    order = ImageOrder(turn, prompt, local_only=turn.local_only)
    async with asyncio.TaskGroup() as group:
        showing = group.create_task(_show_status(order, progress, now, sleep))
        try:
            result = await image_assistant.generate(order, progress)
        finally:
            showing.cancel()
    _clear_status()
    if result is None:
        return 1
    image_assistant.save(result)
    try:
        for path, image in zip(_paths(result, output), result.images, strict=True):
            _write(path, image)
    except OSError:
        print_error(texts.IMAGE_NOT_WRITTEN)
        return 1
    return _print_result(result, image_assistant)


def _turn(assistant: Assistant, prompt: ImagePrompt, now: Callable[[], float]) -> Turn:
    return Turn(
        chat=TERMINAL,
        message_id=int(now() * 1000),
        user_id=TERMINAL.chat_id,
        question=f"/imagine {prompt.prompt}",
        parent_id=assistant.latest_turn_id(TERMINAL),
    )


# --- the files ------------------------------------------------------------------------------------


def _paths(result: ImageResult, output: Path | None) -> Iterator[Path]:
    """Name a file for each image: the first as given, the others with their number."""
    for number, image in enumerate(result.images, 1):
        if output is None:
            yield Path(captions.name(image))
        elif output == STDOUT:
            yield STDOUT
        else:
            stem = output.stem if number == 1 else f"{output.stem}-{number}"
            yield output.with_name(stem + (output.suffix or f".{captions.suffix(image)}"))


def _write(path: Path, image: Image) -> None:
    if path == STDOUT:
        sys.stdout.buffer.write(image.content)
        sys.stdout.buffer.flush()
        return
    path.write_bytes(image.content)
    suffix = path.suffix.lower()
    is_named_rightly = FORMATS.get(suffix, suffix.removeprefix(".")) == image.format
    _print(str(path) if is_named_rightly else f"{path} (actually a {image.format.upper()} file)")


# --- the terminal ---------------------------------------------------------------------------------


async def _show_status(
    order: ImageOrder,
    progress: ImageProgress,
    now: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Keep a status line up to date if stderr is a terminal."""
    started = now()
    while sys.stderr.isatty():
        line = f"{now() - started:3.0f} s  {' '.join(progress.status(order).split())}"
        width = shutil.get_terminal_size().columns
        print(f"\r\x1b[K{line[: width - 1]}", end="", file=sys.stderr, flush=True)
        await sleep(TICK_SECONDS)


def _clear_status() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _print_result(result: ImageResult, image_assistant: ImageAssistant) -> int:
    """Print what was generated and what failed; return the exit code."""
    if result.done:
        _print(captions.details(result, image_assistant))
        for note in captions.notes(result):
            _print(note)
    if result.done and result.missing:
        _print(f"{len(result.done)} of {len(result.seeds)}")
    if result.failure:
        print_error(result.failure.owner_message)
    elif result.stopped:
        _print("stopped")
    return 130 if result.stopped else 1 if result.failure else 0


def _print(line: str) -> None:
    print(line, file=sys.stderr)
