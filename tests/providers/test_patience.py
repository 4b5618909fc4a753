"""A server that is silent: hung, busy, or slow; in a time that is told."""

import asyncio
import json

import httpx
import pytest
import respx

from ambrosio.config.provider import ProviderConfig
from ambrosio.core.context_window import build_context
from ambrosio.core.messages import Delta
from ambrosio.core.provider_errors import Hung, TimedOut
from ambrosio.emulators.model_server.server import StallsAfter, StallsBefore, StaysSilent
from ambrosio.providers.openai_compatible import OpenAIProvider
from ambrosio.providers.patience import Patience


class Time:
    """A clock that moves on in steps while whoever sleeps by it waits."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds

    async def sleep(self, seconds):
        until = self.seconds + seconds
        while self.seconds < until:  # noqa: ASYNC110  `run` moves the time on
            await asyncio.sleep(0)

    async def run(self, work, *, seconds=1000.0):
        task = asyncio.ensure_future(work)
        while not task.done() and self.seconds < seconds:
            for _ in range(6):
                await asyncio.sleep(0)
            self.seconds += 0.5
        task.cancel()
        return (await asyncio.gather(task, return_exceptions=True))[0]


async def healthy():
    return True


async def refusing():
    return False


async def silent():
    await asyncio.Event().wait()
    return True


def patience_of(time, is_alive=healthy, *, local=True, answers_beside_work=lambda: True, **row):
    config = ProviderConfig(base_url="http://127.0.0.1:9/v1", local=local, **row)
    return Patience(
        "p",
        config,
        is_alive,
        local=local,
        answers_beside_work=answers_beside_work,
        now=time,
        sleep=time.sleep,
    )


@pytest.mark.parametrize("is_alive", [silent, refusing])
async def test_a_local_server_without_a_sign_of_life_is_hung_within_twenty_seconds(is_alive):
    time = Time()

    outcome = await time.run(patience_of(time, is_alive).watch_start(lambda _: None))

    assert isinstance(outcome, Hung)
    assert time.seconds <= 20


async def test_silence_says_nothing_of_one_that_may_answer_nothing_while_it_computes():
    time, notes = Time(), []
    patience = patience_of(time, silent, answers_beside_work=lambda: False)

    outcome = await time.run(patience.watch_start(lambda note: notes.append(note.text)))

    assert isinstance(outcome, TimedOut)
    assert time.seconds == pytest.approx(300, abs=4)
    assert set(notes) == {"p has not responded yet."}


async def test_one_that_refuses_connections_is_hung_whatever_is_known_of_it():
    time = Time()
    patience = patience_of(time, refusing, answers_beside_work=lambda: False)

    outcome = await time.run(patience.watch_start(lambda _: None))

    assert isinstance(outcome, Hung)


async def test_a_busy_one_says_so_within_ten_seconds_and_every_minute():
    time, notes = Time(), []
    patience = patience_of(time, first_token_timeout_seconds=300)

    outcome = await time.run(patience.watch_start(lambda note: notes.append((time(), note.text))))

    assert isinstance(outcome, TimedOut)
    assert [at for at, _ in notes] == pytest.approx([8, 68, 128, 188, 248], abs=4)
    assert notes[0][0] <= 10
    assert notes[0][1] == "p is busy; your answer will follow."
    assert notes[1][1] == "p is still busy after a minute; your answer will follow."


async def test_any_bytes_extend_the_patience():
    time = Time()
    patience = patience_of(time, silent, first_token_timeout_seconds=30)

    async def ping():
        for _ in range(20):
            await time.sleep(5)
            patience.on_bytes()

    pinging = asyncio.ensure_future(ping())
    outcome = await time.run(patience.watch_start(lambda _: None))
    await pinging

    assert isinstance(outcome, Hung)
    assert time.seconds > 100


async def test_a_remote_server_is_not_asked_for_its_health():
    time = Time()

    outcome = await time.run(patience_of(time, refusing, local=False).watch_start(lambda _: None))

    assert isinstance(outcome, TimedOut)
    assert time.seconds == pytest.approx(30, abs=2)


async def test_a_stall_in_an_answer_is_noticed_after_thirty_seconds():
    time = Time()

    outcome = await time.run(patience_of(time).watch_answer())

    assert isinstance(outcome, TimedOut)
    assert time.seconds == pytest.approx(30, abs=2)


class SlowPieces(httpx.AsyncByteStream):
    """Pings, a piece every 1.5 seconds, each with a finish reason, and then pings without end."""

    def __init__(self, time, *pieces, pings=0):
        self.time, self.pieces, self.pings = time, pieces, pings

    async def __aiter__(self):
        for _ in range(self.pings):
            yield b": ping\n\n"
            await self.time.sleep(1.5)
        for piece in self.pieces:
            choice = {"delta": {"content": piece}, "finish_reason": "stop"}
            yield b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"
            await self.time.sleep(1.5)
        while True:
            yield b": ping\n\n"
            await self.time.sleep(1.5)


@pytest.fixture
def _no_thread(monkeypatch):
    """Spare the client the thread that would import the SDK, for which no told time waits."""

    async def already_there():
        pass

    monkeypatch.setattr("ambrosio.providers.openai_client.preload", already_there)


async def heard(time, body, **row):
    """Return what comes of an answer within some minutes of `time`."""
    config = ProviderConfig(base_url="http://127.0.0.1:9/v1", model="m", **row)

    async def answer(http):
        provider = OpenAIProvider("p", config, http, now=time, sleep=time.sleep)
        events = provider.stream(build_context("Be kind.", (), "tea?"))
        return [event.text async for event in events if isinstance(event, Delta)]

    with respx.mock() as router:
        router.post(f"{config.base_url}/chat/completions").respond(200, stream=body)
        async with httpx.AsyncClient(verify=False) as http:
            return await time.run(answer(http), seconds=300)


@pytest.mark.usefixtures("_no_thread")
async def test_an_answer_ends_when_nothing_but_pings_follows_its_finish_reason():
    time = Time()

    words = await heard(time, SlowPieces(time, "Green ", "tea ", "is ", "not ", "black."))

    assert "".join(words) == "Green tea is not black."


@pytest.mark.usefixtures("_no_thread")
async def test_pings_keep_an_answer_alive():
    time = Time()

    words = await heard(
        time, SlowPieces(time, "Tea.", pings=60), first_token_timeout_seconds=30, local=False
    )

    assert words == ["Tea."]
    assert time.seconds > 90


@pytest.fixture
async def ask(model_url):
    async with httpx.AsyncClient(verify=False) as http:

        async def asking(**row):
            row = {"first_token_timeout_seconds": 60, "health_after_seconds": 0.1, **row}
            config = ProviderConfig(base_url=model_url, model="m", server_kind="llama", **row)
            provider = OpenAIProvider("p", config, http)
            question = build_context("Be kind.", (), "tea?")
            await provider.profile()
            return [event async for event in provider.stream(question)]

        yield asking


@pytest.mark.parametrize("item", [StaysSilent(), StallsBefore()])
async def test_a_silent_server_that_is_healthy_is_waited_for(model, ask, item):
    model.script(item)

    with pytest.raises(TimedOut):
        await ask(first_token_timeout_seconds=0.5)


async def test_a_server_that_answers_nothing_at_all_is_hung(model, ask):
    model.hung = True

    with pytest.raises(Hung):
        await ask()


async def test_a_stall_in_the_middle_ends_the_answer(model, ask):
    model.script(StallsAfter("Green tea"))

    with pytest.raises(TimedOut):
        await ask(chunk_timeout_seconds=0.2)
