"""What photos and files cost: memory, our part of the waiting, decoding, and tokens read again."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from ambrosio.app import now
from ambrosio.config import prompts
from ambrosio.core.context_window import PastTurn
from ambrosio.core.messages import AnswerFinished, AnswerStarted, PicturePart
from ambrosio.emulators.botapi.api import BotApi
from ambrosio.emulators.botapi.http import serve_bot_api
from ambrosio.emulators.botapi.users import UserChat
from ambrosio.emulators.model_server.server import FakeModelServer
from ambrosio.media.client import MediaClient
from benchmarks.memory import PEOPLE, TIMEOUT_SECONDS, Memory
from tests.support.document_files import docx, paragraph, pdf
from tests.support.media_files import picture
from tests.support.running_llama import running_llama, words
from tests.support.vision_model import make_vision

PHOTOS = 200
QUESTIONS = 20


async def report() -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        text, photos = [await _grow(base / kind, kind) for kind in ("text", "photo")]
        print(
            f"memory after {PHOTOS} questions: {text.resident:.1f} MB with text,"
            f" {photos.resident:.1f} MB with photos"
        )
        seconds = await _first_word(base / "latency")
        print(
            f"from the message to the request to the model, median of {QUESTIONS}: "
            + ", ".join(f"{kind} {value * 1000:.0f} ms" for kind, value in seconds.items())
        )
        for kind, value in (await _decoding()).items():
            print(f"media child, {kind}: {value:.2f} s")
        print(await _read_again(base / "cache"))


@asynccontextmanager
async def _bot(api: BotApi, url: str, model_url: str, folder: Path) -> AsyncIterator[int]:
    environment = {
        **os.environ,
        "TELEGRAM_BOT_TOKEN": api.token,
        "TELEGRAM_BASE_URL": url,
        "AMBROSIO_OWNER": ",".join(map(str, PEOPLE)),
        "AMBROSIO_DATA_DIR": str(folder),
        "AMBROSIO_LOG": "error",
        "LLAMA_BASE_URL": model_url,
    }
    bot = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ambrosio", "run"), env=environment
    )
    try:
        yield bot.pid
    finally:
        bot.terminate()
        await bot.wait()


# A photo of 800 pixels as Telegram has it, about 150 KB.
PHOTO = picture("jpeg", 800, 600)
PHOTO_BYTES = 150_000
PADDING = b"\xff\xfe\xff\xff" + bytes(0xFFFD)


def _photo(number: int) -> bytes:
    """Make a photo of a usual size; each is another one."""
    comment = number.to_bytes(4, "big") + bytes(60)
    head = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
    padding = PADDING * (PHOTO_BYTES // len(PADDING))
    return PHOTO[:2] + head + padding + PHOTO[2:]


async def _grow(folder: Path, kind: str) -> Memory:
    """Measure the bot after many questions of a kind, in conversations that grow."""
    api, model = BotApi(now), FakeModelServer()
    chats = [api.person(number).private() for number in PEOPLE]
    async with (
        model.serving() as model_url,
        serve_bot_api(api) as url,
        _bot(api, url, model_url, folder) as pid,
    ):
        for number in range(PHOTOS // len(chats)):
            async with asyncio.TaskGroup() as group:
                for chat in chats:
                    group.create_task(_ask(chat, kind, number))
        return Memory.of(pid)


async def _ask(chat: UserChat, kind: str, number: int) -> None:
    if kind == "photo":
        await chat.send_photo(_photo(number * 1000 + chat.id), caption="what is this?")
    else:
        await chat.say(f"question number {number}")
    await chat.wait_answer(seconds=TIMEOUT_SECONDS)


async def _first_word(folder: Path) -> Mapping[str, float]:
    """Measure how long it takes from a message until the model is asked."""
    api, model = BotApi(now), FakeModelServer()
    chat = api.person(PEOPLE[0]).private()
    ways: Mapping[str, Callable[[int], Awaitable[int]]] = {
        "text": lambda _: chat.say("what is this?"),
        "photo": lambda number: chat.send_photo(_photo(number), caption="what is this?"),
        "text file": lambda _: chat.send_document(b"rice", "a.txt", caption="what is this?"),
    }
    found = {}
    async with (
        model.serving() as model_url,
        serve_bot_api(api) as url,
        _bot(api, url, model_url, folder),
    ):
        await chat.say("hello")
        await chat.wait_answer(seconds=TIMEOUT_SECONDS)
        for kind, send in ways.items():
            seconds = []
            for number in range(QUESTIONS):
                await chat.say("/new")
                await chat.wait_answer(seconds=TIMEOUT_SECONDS)
                before, began_at = len(model.requests), time.monotonic()
                await send(number)
                await model.wait_for(lambda count=before: len(model.requests) > count)  # type: ignore[misc]
                seconds.append(time.monotonic() - began_at)
                await chat.wait_answer(seconds=TIMEOUT_SECONDS)
            found[kind] = sorted(seconds)[QUESTIONS // 2]
    return found


async def _decoding() -> Mapping[str, float]:
    """Measure the child for each kind of file, its start included; the median of three."""
    media = MediaClient()
    large = picture("jpeg", 4000, 3000)
    long_pdf = pdf(*(f"Page {number}. " + "x" * 2_000 for number in range(100)))
    word = docx("".join(paragraph("Rice with falafel. " * 20) for _ in range(500)))
    jobs: Mapping[str, Callable[[], Awaitable[object]]] = {
        "JPEG of 800 pixels, as it is": lambda: media.convert_picture(PHOTO),
        "JPEG of 12 megapixels": lambda: media.convert_picture(large),
        "PNG of 2 megapixels": lambda: media.convert_picture(picture("png", 1600, 1200)),
        "WebP of 2 megapixels": lambda: media.convert_picture(picture("webp", 1600, 1200)),
        "PDF of 100 pages": lambda: media.read_document(long_pdf),
        "page of a scan": lambda: media.draw_page(long_pdf, 50),
        "Word document of 500 paragraphs": lambda: media.read_document(word),
        "text": lambda: media.read_document(b"rice\n" * 10_000),
    }
    found = {}
    for kind, job in jobs.items():
        seconds = []
        for _ in range(3):
            began_at = time.monotonic()
            await job()
            seconds.append(time.monotonic() - began_at)
        found[kind] = sorted(seconds)[1]
    return found


async def _read_again(folder: Path) -> str:
    """Ask about a photo again and again, and tell how much of each prompt llama.cpp reads.

    With the system prompt that people have: of a shorter one, each question is a larger share.
    """
    system = prompts.read(prompts.SYSTEM_PROMPT)
    model = make_vision(folder)
    part = PicturePart("photo", 1280, 960)
    content = picture("jpeg", 1280, 960)
    async with running_llama(model, folder, context=8192) as llama:
        llama.provider.read_picture = lambda _: content
        await llama.ready()
        past: tuple[PastTurn, ...] = ()
        usages = []
        for number in range(6):
            pictures = (part,) if number == 0 else ()
            began_at, first_at = time.monotonic(), 0.0
            events = await llama.ask(
                f"question number {number} about rice", *past, system=system, pictures=pictures
            )
            first_at = time.monotonic() - began_at
            [end] = [event for event in events if isinstance(event, AnswerFinished)]
            assert any(isinstance(event, AnswerStarted) for event in events)
            usages.append((end.usage, first_at))
            turn = PastTurn(
                number, f"question number {number} about rice", words(events), pictures=pictures
            )
            past = (*past, turn)
    shares = [
        f"{read} of {usage.prompt} ({read / usage.prompt:.1%})"
        for usage, _ in usages
        if usage is not None
        for read in [usage.prompt - usage.cached]
    ]
    return f"tokens read of a prompt with a photo, question by question: {', '.join(shares)}"
