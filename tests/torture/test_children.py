"""The child processes are killed while people write: every question has one answer or one line."""

import asyncio
import os
import signal
from pathlib import Path
from random import Random

import pytest

from ambrosio.emulators.model_server.server import Says

from ..support.document_files import pdf
from ..support.gguf_model import make
from ..support.running_bot import running_bot
from .bot_process import children

PEOPLE = (42, 43, 44)
SEED = 3


@pytest.fixture
def seats(api):
    return [api.person(number, f"Person {number}").private() for number in PEOPLE]


async def kill_some(module, times, done, longest):
    """Kill children at random moments, a number of times or until all is done."""
    rng, killed = Random(SEED), 0
    while killed < times and not done.is_set():
        await asyncio.sleep(rng.uniform(0, longest))
        for pid in children(os.getpid(), module)[:1]:
            os.kill(pid, signal.SIGKILL)
            killed += 1
    return killed


async def say_all(seats, send, rounds):
    """Let everybody send one message after the other, each when the last one has its answer."""

    async def live(seat):
        for number in range(rounds):
            before = len(seat.answers)
            await send(seat, number)
            await seat.wait_until(lambda: len(seat.answers) > before, "no answer", 60)  # noqa: B023

    async with asyncio.TaskGroup() as group:
        for seat in seats:
            group.create_task(live(seat))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds children in /proc")
async def test_killing_the_model_leaves_no_question_open(api, telegram_url, tmp_path, clock, seats):
    async def unhurried(seconds):
        clock.pass_seconds(seconds)
        await asyncio.sleep(min(seconds, 0.1))

    given = {
        "llama_gguf": str(make(tmp_path / "tiny.gguf")),
        "ambrosio_owner": frozenset(PEOPLE),
    }
    async with running_bot(api, telegram_url, tmp_path, sleep=unhurried, **given) as life:
        done = asyncio.Event()
        killing = asyncio.create_task(kill_some("ambrosio.llama", 4, done, 0.4))
        await say_all(seats, lambda seat, number: seat.say(f"question {number}"), 3)
        done.set()
        killed = await killing
        await life.settled()

    assert killed >= 1
    assert [len(seat.answers) for seat in seats] == [3, 3, 3]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds children in /proc")
async def test_killing_the_decoder_leaves_no_file_open(
    api, telegram_url, tmp_path, model, model_url, seats
):
    model.answer = lambda asked: Says("Read." if asked.question else "")
    given = {"llama_base_url": model_url, "ambrosio_owner": frozenset(PEOPLE)}
    content = pdf("Basmati rice takes ten minutes.")
    async with running_bot(api, telegram_url, tmp_path, **given) as life:
        done = asyncio.Event()
        killing = asyncio.create_task(kill_some("ambrosio.media", 3, done, 0.05))
        await say_all(
            seats,
            lambda seat, number: seat.send_document(
                content, f"rice-{number}.pdf", caption="how long?", mime="application/pdf"
            ),
            2,
        )
        done.set()
        killed = await killing
        await life.settled()

    assert killed >= 1
    assert [len(seat.answers) for seat in seats] == [2, 2, 2]
    refused = [line for seat in seats for line in seat.answers if "Read." not in line.text]
    # A file is read again once, so only a second kill refuses it.
    assert len(refused) <= killed // 2
