"""What voice notes cost: memory, our part of the waiting, and decoding."""

import statistics
import tempfile
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

from ambrosio.app import now
from ambrosio.emulators.botapi.api import BotApi
from ambrosio.emulators.botapi.http import serve_bot_api
from ambrosio.emulators.model_server.server import FakeModelServer
from ambrosio.media.client import MediaClient
from benchmarks.memory import PEOPLE, TIMEOUT_SECONDS, Memory
from benchmarks.sight import _bot
from tests.support import media_files

# The tests are not annotated.
files: Any = media_files
NOTES = 100
SAMPLES = 20
VOICE = files.sound(files.tone(8))
KINDS = {
    "a voice note of 8 s": VOICE,
    "a voice note of 2 min": files.sound(files.tone(120)),
    "a video note of 8 s": files.sound(files.tone(8), "mp4", "aac", 48_000, video=True),
}


async def report() -> None:
    """Print all figures."""
    with tempfile.TemporaryDirectory() as folder:
        text, voice = [await _grow(Path(folder) / kind, kind) for kind in ("text", "voice")]
        print(
            f"memory after {NOTES} questions: {text.resident:.1f} MB with text,"
            f" {voice.resident:.1f} MB with voice notes"
        )
        seconds = await _until_heard(Path(folder) / "latency")
        print(f"from the voice note to its transcript, without the model: {seconds * 1000:.0f} ms")
    for kind, content in KINDS.items():
        began_at = time.perf_counter()
        async with aclosing(MediaClient().cut_audio(content)) as pieces:
            async for _ in pieces:
                pass
        print(f"media child, {kind}: {time.perf_counter() - began_at:.2f} s")


async def _grow(folder: Path, kind: str) -> Memory:
    """Measure the bot after many questions, written or spoken."""
    api, model = BotApi(now), FakeModelServer(audio=True)
    chats = [api.person(number).private() for number in PEOPLE]
    async with (
        model.serving() as model_url,
        serve_bot_api(api) as url,
        _bot(api, url, model_url, folder) as pid,
    ):
        for number in range(NOTES):
            chat = chats[number % len(chats)]
            send = chat.say(f"question {number}") if kind == "text" else chat.send_voice(VOICE)
            sent = await send
            # What the stand-in answers, and not the quote of what was heard.
            await chat.wait_until(
                lambda chat=chat, sent=sent: any(  # type: ignore[misc]  # mypy loses the types
                    shown.message_id > sent and "real model" in shown.text for shown in chat.answers
                ),
                "no answer",
                TIMEOUT_SECONDS,
            )
        return Memory.of(pid)


async def _until_heard(folder: Path) -> float:
    """Return the median of the seconds from a voice note to its transcript in the chat."""
    api, model = BotApi(now), FakeModelServer(audio=True)
    chats = [api.person(number).private() for number in PEOPLE]
    async with (
        model.serving() as model_url,
        serve_bot_api(api) as url,
        _bot(api, url, model_url, folder),
    ):
        taken = []
        for chat in chats[:SAMPLES]:
            began_at = time.perf_counter()
            await chat.send_voice(VOICE)
            await chat.wait_text("What is the capital of Peru?", seconds=TIMEOUT_SECONDS)
            taken.append(time.perf_counter() - began_at)
    return statistics.median(taken)
