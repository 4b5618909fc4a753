"""A local server that accepts a question and is silent: hung, or only busy."""

import asyncio

import pytest

from ambrosio.emulators.model_server.server import (
    FakeModelServer,
    Pings,
    Says,
    StallsAfter,
    StallsBefore,
    StaysSilent,
)

from ..support.running_bot import running_bot

ROWS = """
[providers.llama]
base_url = "{url}"
model = "stand-in"
server_kind = "llama"
first_token_timeout_seconds = {patience}
chunk_timeout_seconds = 0.8
health_after_seconds = {health}

[providers.together]
base_url = "{next_url}"
model = "openai/gpt-oss-120b"
server_kind = "together"
local = false
input_usd = 0
output_usd = 0
"""


@pytest.fixture
async def second():
    return FakeModelServer(model="openai/gpt-oss-120b", server_kind="together")


@pytest.fixture
def run(api, telegram_url, tmp_path, model_url, second, monkeypatch):
    """Run the bot with a short patience."""
    monkeypatch.setattr("ambrosio.providers.patience.NOTE_SECONDS", 0.2)
    monkeypatch.setattr("ambrosio.providers.probing.PROBE_SECONDS", 0.5)

    async def running(*, patience=30.0, health=0.5, **given):
        async with second.serving() as url:
            rows = ROWS.format(url=model_url, next_url=url, patience=patience, health=health)
            (tmp_path / "ambrosio.toml").write_text(rows)
            async with running_bot(api, telegram_url, tmp_path, ambrosio_rich="off", **given) as it:
                yield it

    return running


@pytest.fixture
async def impatient(run):
    async for life in run():
        yield life


@pytest.fixture
async def private(run):
    async for life in run(ambrosio_private_default="on"):
        yield life


@pytest.fixture
async def patient(run):
    async for life in run(health=30.0):
        yield life


@pytest.fixture
async def editing(run):
    async for life in run(health=30.0, ambrosio_stream="edit"):
        yield life


async def test_the_next_provider_answers_for_one_that_is_hung(anna, model, second, impatient):
    model.hung = True
    second.script(Says("Twelve minutes."))
    await anna.say("how long does rice take?")

    answer = await anna.wait_text("Twelve minutes.")

    assert answer.text.endswith("via together · llama has stopped responding")
    assert impatient.store.inbox.waiting() == 0


async def test_in_private_the_person_is_told_and_nobody_else_is_asked(anna, model, second, private):
    model.hung = True
    await anna.say("how long does rice take?")

    told = await anna.wait_text("llama")
    await private.settled()

    assert "llama has stopped responding." in told.text
    assert "Restart the server that runs llama." in told.text
    assert second.requests == []


async def test_it_is_asked_again_once_it_works_again(anna, model, private):
    model.hung = True
    await anna.say("how long does rice take?")
    await anna.wait_text("llama")
    model.hung = False
    model.script(Says("Twelve minutes."))
    await anna.say("and now?")

    assert await anna.wait_text("Twelve minutes.")


async def test_one_that_stalls_in_its_answer_is_replaced(anna, model, second, impatient):
    model.script(StallsAfter("Rice needs about"))
    second.script(Says("Twelve minutes."))
    await anna.say("how long does rice take?")

    answer = await anna.wait_text("Twelve minutes.")

    assert "Rice needs" not in answer.text
    assert impatient.store.inbox.waiting() == 0


@pytest.mark.parametrize("silence", [StallsBefore(), StaysSilent()], ids=["headers", "nothing"])
async def test_one_that_is_busy_is_shown_to_be_and_can_be_stopped(
    anna, model, second, patient, silence
):
    model.script(silence)
    await anna.say("how long does rice take?")
    note = await anna.wait_draft("llama")
    anna.stop_draft()
    answer = await anna.wait_answer()
    await patient.settled()

    assert note.endswith(("llama is busy; your answer will follow.", "has not responded yet."))
    assert answer.text == "Stopped."
    assert second.requests == []


async def test_one_that_is_busy_is_shown_to_be_in_an_edited_message_too(
    anna, model, editing, second
):
    until = asyncio.Event()
    model.script(Pings("Twelve minutes.", until))
    await anna.say("how long does rice take?")
    shown = await anna.wait_text("llama is busy; your answer will follow.")
    until.set()
    answer = await anna.wait_text("Twelve minutes.")
    await editing.settled()

    assert shown.buttons == ("Stop",)
    assert [line.text for line in anna.answers] == [answer.text]
    assert second.requests == []


async def test_stop_works_in_an_edited_message_while_it_is_busy(anna, model, editing):
    model.script(Pings("Never.", asyncio.Event()))
    await anna.say("how long does rice take?")
    await anna.wait_text("llama is busy")
    await anna.press("Stop")
    await editing.settled()

    assert [line.text for line in anna.answers] == ["Stopped."]
