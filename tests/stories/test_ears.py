"""llama.cpp listens in a second child, which nobody starts before the first voice note."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from ambrosio.emulators.model_server.server import FakeModelServer, Says

from ..support.gguf_model import make
from ..support.hearing_model import SAID, make_hearing
from ..support.media_files import sound, tone
from ..support.running_bot import running_bot

VOICE = sound(tone(4))
LONG = sound(tone(50) + tone(0.6, level=0) + tone(30))
LOG = "ears/llama.log"


@pytest.fixture(scope="session")
def hearing_model(tmp_path_factory):
    return make_hearing(tmp_path_factory.mktemp("hearing") / "asr")


@pytest.fixture
def life_with(api, telegram_url, tmp_path, model_url, clock):
    async def unhurried(seconds):
        # The model takes the time that it really takes to load.
        clock.pass_seconds(seconds)
        await asyncio.sleep(min(seconds, 0.2))

    def start(ears, **given):
        more = {"llama_base_url": model_url, "llama_ears": str(ears), **given}
        return running_bot(api, telegram_url, tmp_path, sleep=unhurried, **more)

    return start


def child_ids():
    """List our own processes that run llama.cpp."""
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    children = [int(number) for task in tasks for number in task.read_text().split()]
    return [
        number
        for number in children
        if b"ambrosio.llama" in Path(f"/proc/{number}/cmdline").read_bytes()
    ]


async def test_it_hears_a_voice_note_in_a_private_chat_and_again_after_a_crash(
    life_with, hearing_model, anna, model, tmp_path
):
    model.answer = lambda asked: Says(f"You said: {asked.question}")
    async with life_with(hearing_model, ambrosio_private_default="on"):
        await anna.say("hello")
        await anna.wait_text("You said: hello")
        assert child_ids() == []

        await anna.send_voice(VOICE)
        await anna.wait_text(f"You said: {SAID}")
        [first] = child_ids()
        os.kill(first, signal.SIGKILL)
        sent = await anna.send_voice(LONG, seconds=81)
        await anna.wait_until(lambda: anna.last.text == f"You said: {SAID} {SAID}", "no answer")

    quotes = [shown.text for shown in anna.answers if shown.buttons == ("Wrong?",)]
    assert quotes == [SAID, f"{SAID} {SAID}"]
    assert sent
    log = (tmp_path / LOG).read_text()
    assert "sleep_seconds=120" in log
    assert "n_parallel = 1" in log or "slots=1" in log


async def test_a_model_without_ears_is_said_to_be_one_and_the_next_provider_hears(
    life_with, anna, tmp_path
):
    deaf = make(tmp_path / "deaf.gguf")
    cloud = FakeModelServer("m", "together")
    async with cloud.serving() as url:
        row = {
            "base_url": url,
            "server_kind": "together",
            "local": False,
            "transcription_model": "openai/whisper-large-v3",
        }
        async with life_with(deaf, providers={"cloud": row}):
            await anna.send_voice(VOICE)
            await anna.wait_text("What is the capital of Peru?")
            await anna.say("/private on")
            await anna.wait_text("This chat is private now")
            await anna.send_voice(VOICE)
            shown = await anna.wait_text("ears is not running")

    assert "LLAMA_EARS" in shown.text
    assert "LLAMA_GGUF" not in shown.text
