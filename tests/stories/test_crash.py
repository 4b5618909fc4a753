"""The plug is pulled: the real process, killed with SIGKILL, and what the next one makes of it."""

import asyncio
import os
import signal
from collections import Counter
from contextlib import asynccontextmanager

import pytest

from ambrosio.emulators.model_server.server import FakeModelServer, Holds, Says

from ..support import PATIENCE_SECONDS
from ..support.program import start_program
from ..support.running_bot import OWNER

PEOPLE = (OWNER, 43, 44, 45)
PRINTED = "printed"


@asynccontextmanager
async def process(api, telegram_url, model_url, folder):
    """Run `ambrosio run` until the block ends, then kill it if it is still there."""
    env = {
        **os.environ,
        "TELEGRAM_BOT_TOKEN": api.token,
        "TELEGRAM_BASE_URL": telegram_url,
        "AMBROSIO_OWNER": " ".join(map(str, PEOPLE)),
        "AMBROSIO_DATA_DIR": str(folder),
        "LLAMA_BASE_URL": model_url,
    }
    with (folder / PRINTED).open("a+b") as printed:
        running = await start_program("run", env=env, cwd=folder, streams=(printed,) * 3)
        try:
            yield running
        finally:
            running.kill()
            await running.wait()


@pytest.fixture
def seats(api):
    return [api.person(number, f"Person {number}").private() for number in PEOPLE]


async def test_killed_in_the_middle_of_twenty_answers_it_loses_none_and_repeats_none(
    api, telegram_url, model, model_url, tmp_path, seats
):
    held = asyncio.Event()
    asked: Counter[str] = Counter()

    def answer(request):
        asked[request.question] += 1
        if len(asked) > 8 and not held.is_set():
            return Holds("Half of an answer that nobody will see", held)
        return Says(f"The answer to {request.question}.")

    model.answer = answer
    async with process(api, telegram_url, model_url, tmp_path) as first:
        for number in range(5):
            for seat in seats:
                await seat.say(f"question {number} of {seat.id}")
        await model.wait_for(
            lambda: sum(it.state == "running" and bool(it.words) for it in model.served) == 4
        )
        first.send_signal(signal.SIGKILL)
        await first.wait()
    held.set()
    async with process(api, telegram_url, model_url, tmp_path):
        for seat in seats:
            await api.wait_for(lambda seat=seat: len(seat.answers) >= 5)
        await api.wait_for(lambda: not api.updates.pending)

    for seat in seats:
        expected = [f"The answer to question {number} of {seat.id}." for number in range(5)]
        assert [line.text for line in seat.answers] == expected


async def test_killed_while_messages_are_on_their_way_it_loses_none_and_repeats_none(
    api, telegram_url, model, model_url, tmp_path, seats
):
    words = " ".join(f"word{number}" for number in range(350))
    paragraphs = [f"Part {number}. {words}" for number in range(4)]
    answers = {"long": "\n\n".join(paragraphs), "vv short": "Short.", "": ""}
    model.answer = lambda asked: Says(answers.get(asked.question, f"On {asked.question}."))
    anna, bert, *_ = seats
    for _ in range(2):
        api.hang("sendMessage")
    async with process(api, telegram_url, model_url, tmp_path) as first:
        await anna.say("long")
        await bert.say("vv short")
        await anna.wait_answer()
        await bert.wait_answer()
        first.send_signal(signal.SIGKILL)
        await first.wait()
    api.faults.clear()
    async with process(api, telegram_url, model_url, tmp_path):
        await api.wait_for(lambda: "Part 3." in "".join(x.text for x in anna.answers))
        # The one that was found is known: a reply continues from it, and its button works.
        short = await bert.wait_text("Short.")
        await bert.say("why?", reply_to=short.message_id)
        await bert.wait_text("On why?.")
        said = " ".join(one["content"] for one in model.requests[-1].body["messages"])
        await bert.press("Longer", short.message_id)
        await bert.wait_text("On short.")

    found = Counter(line.text.split(".")[0] for line in (*anna.answers, *bert.answers))
    assert found == {**{f"Part {n}": 1 for n in range(4)}, "Short": 1, "On short": 1, "On why?": 1}
    assert "short → Short." in said


async def test_killed_in_the_middle_of_a_comparison_it_asks_nobody_twice(
    api, telegram_url, model, model_url, tmp_path, seats
):
    held, cloud = (
        asyncio.Event(),
        FakeModelServer(model="openai/gpt-oss-120b", server_kind="together"),
    )

    def answer(asked):
        waits = asked.question and not held.is_set()
        return Holds("Ray", held) if waits else Says("Rayleigh.")

    model.answer = answer
    cloud.answer = lambda _: Says("Scattering.")
    async with cloud.serving() as url:
        row = f'[providers.together]\nbase_url = "{url}"\nlocal = false\nserver_kind = "together"\n'
        (tmp_path / "ambrosio.toml").write_text(f'{row}model = "{cloud.model}"\n')
        async with process(api, telegram_url, model_url, tmp_path) as first:
            await seats[0].say("/compare why is the sky blue?")
            await seats[0].wait_text("Scattering.")
            # By then it knows that the message has arrived.
            await seats[0].press("Continue with this one")
            await model.wait_for(lambda: any(request.words for request in model.served))
            first.send_signal(signal.SIGKILL)
            await first.wait()
        held.set()
        async with process(api, telegram_url, model_url, tmp_path):
            await seats[0].wait_text("Rayleigh.")

    shown = [line.text.split("\n")[0] for line in seats[0].answers]
    assert shown == ["Scattering.", "Rayleigh."]
    assert len(cloud.requests) == 1


async def test_sigterm_ends_it_quietly_and_in_good_time(
    api, telegram_url, model_url, tmp_path, seats
):
    async with process(api, telegram_url, model_url, tmp_path) as running:
        await seats[0].say("hello")
        await seats[0].wait_answer()
        running.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await running.wait()

    log = (tmp_path / PRINTED).read_text()
    assert running.returncode == 0
    assert not [word for word in (api.token, "Traceback", "hello") if word in log]
