"""One provider fails and the person hardly notices."""

import re
import socket

import pytest

from ambrosio.core.context_window import PastTurn
from ambrosio.core.messages import AnswerStarted
from ambrosio.core.provider_errors import (
    AllProvidersFailed,
    InvalidKey,
    ModelNotFound,
    OutOfCredit,
    Overloaded,
    ServerError,
)
from ambrosio.emulators.model_server.server import (
    BrokenSse,
    Dies,
    ErrorObject,
    ErrorStatus,
    FakeModelServer,
    HangsUp,
    Says,
    SaysNothing,
    StallsAfter,
    StallsBefore,
)
from ambrosio.llama import discovery
from ambrosio.providers.server_facts import ServedModel
from ambrosio.router import CompletionRequest, Router
from ambrosio.router.circuit_breaker import REST_SECONDS

from ..support.echo import Echo
from ..support.running_bot import running_bot

TEN = "one two three four five six seven eight nine ten"
FAULTS = {
    "hangs up": HangsUp(),
    "401": ErrorStatus(401),
    "402": ErrorStatus(402),
    "404": ErrorStatus(404),
    "429 with Retry-After 30": ErrorStatus(429, retry_after=30),
    "503": ErrorStatus(503),
    "a page instead of an answer": ErrorStatus(502, body="<h1>Exception: bad gateway</h1>"),
    "stalls before the first token": StallsBefore(),
    "stalls after ten tokens": StallsAfter(TEN),
    "cuts the line": Dies(after=TEN),
    "broken SSE": BrokenSse(),
    "an error in the stream": ErrorObject(message="CUDA error: out of memory"),
    "an empty answer": SaysNothing(),
}
ROW = """
[providers.{name}]
base_url = "{url}"
model = "{model}"
server_kind = "{server_kind}"
first_token_timeout_seconds = 0.8
chunk_timeout_seconds = 0.8
"""
RAW = re.compile(r"Traceback|Error\(|Exception|openai|httpx|CUDA|\{|127\.0\.0\.1|\b[45]\d\d\b")


def answers(anna):
    """List what everybody would read; the owner alone is told what only they can mend."""
    return [line.text for line in anna.answers if "Until you fix" not in line.text]


def assert_plain(anna):
    """Look for what only programmers understand, in previews too."""
    shown = [*(line.text for line in anna.answers), *(draft.text for draft in anna.drafts)]
    assert [text for text in shown if RAW.search(text)] == []


@pytest.fixture
async def second():
    return FakeModelServer(model="openai/gpt-oss-120b", server_kind="together")


@pytest.fixture
async def alone(api, telegram_url, tmp_path, model_url):
    """Run with one impatient provider."""
    row = ROW.format(name="llama", url=model_url, model="stand-in", server_kind="llama")
    (tmp_path / "ambrosio.toml").write_text(row)
    async with running_bot(api, telegram_url, tmp_path, ambrosio_rich="off") as life:
        yield life
    assert api.violations == []


@pytest.fixture
async def both(api, telegram_url, tmp_path, model_url, second):
    """Run with an impatient provider and one behind it."""
    async with second.serving() as url:
        rows = ROW.format(name="llama", url=model_url, model="stand-in", server_kind="llama")
        rows += ROW.format(name="together", url=url, model=second.model, server_kind="together")
        rows += "local = false\ninput_usd = 0.15\noutput_usd = 0.6\n"
        (tmp_path / "ambrosio.toml").write_text(rows)
        async with running_bot(api, telegram_url, tmp_path) as life:
            yield life
    assert api.violations == []


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_whatever_happens_to_the_first_the_next_one_answers(anna, model, second, both, fault):
    model.script(fault)
    second.script(Says("The whole of it."), Says("At last."))
    await anna.say("question")
    await anna.wait_text("The whole of it.")
    await both.settled()
    [answer] = answers(anna)
    model.script(Says("At last."))
    await anna.say("question")
    await anna.wait_text("At last.")

    assert re.fullmatch(r"The whole of it\.\n\nvia together · llama [a-zA-Z ]+", answer)
    assert_plain(anna)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_if_nobody_is_left_one_plain_line_says_so_and_the_next_message_works(
    anna, model, alone, fault
):
    model.answer = lambda _: fault
    await anna.say("question")
    await anna.wait_text("llama")
    await alone.settled()
    [line] = answers(anna)
    model.answer = lambda _: Says("At last.")
    await anna.say("question")
    await anna.wait_text("At last.")

    assert re.fullmatch(rf"(?:{TEN}\n\n)?[^\n]*llama[^\n]*\. [^\n]*\.", line)
    assert_plain(anna)


async def test_a_provider_that_is_not_there_at_all_is_told_in_one_line(
    api, telegram_url, tmp_path, anna
):
    row = ROW.format(name="llama", url="http://127.0.0.1:9/v1", model="x", server_kind="llama")
    (tmp_path / "ambrosio.toml").write_text(row)
    async with running_bot(api, telegram_url, tmp_path):
        await anna.say("question")

        line = await anna.wait_answer()

    assert line.text.startswith("llama cannot be reached.")
    assert line.buttons == ("Retry",)


async def test_where_no_model_is_set_up_that_is_said_and_one_started_later_is_found(
    api, telegram_url, tmp_path, anna, model, monkeypatch
):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    monkeypatch.setattr(discovery, "USUAL_ADDRESSES", (f"http://127.0.0.1:{port}",))
    monkeypatch.setattr(discovery, "OTHER_ADDRESSES", ())
    async with running_bot(api, telegram_url, tmp_path):
        await anna.say("question")
        line = await anna.wait_answer()
        model.script(Says("Lima."))
        async with model.serving(port):
            await anna.press("Retry")
            await anna.wait_text("Lima.")

    assert line.text == (
        "No model is set up yet. Start a llama.cpp server, or set LLAMA_GGUF or TOGETHER_API_KEY "
        "in .env and restart me."
    )


async def test_fifty_thousand_characters_arrive(anna, model, life):
    words = " ".join(f"w{number:05}" for number in range(7200))
    model.script(Says(words), Says("Fine."))
    await anna.say("count")
    await anna.wait_text("w07199")
    await anna.say("thanks")
    await anna.wait_text("Fine.")

    assert len(words) > 50_000
    assert " ".join(line.text for line in anna.answers).startswith(f"{words} Fine.")


async def test_fifty_thousand_characters_arrive_whole_from_whoever_comes_to_their_end(
    anna, model, second, both
):
    words = " ".join(f"w{number:05}" for number in range(7200))
    model.script(Dies(after=words[:30_000]))
    second.script(Says(words))
    await anna.say("count")
    await anna.wait_text("w07199")
    await both.settled()
    await anna.say("thanks")
    await anna.wait_answer()

    whole = f"{words} via together · llama ran into an error "
    assert " ".join(" ".join(answers(anna)).split()).startswith(whole)


async def test_the_owner_hears_once_of_a_model_that_is_gone_and_what_is_there(
    anna, model, second, both
):
    model.answer = lambda _: ErrorStatus(404, message="model not found")
    for number in range(3):
        await anna.say(f"question {number}")
        await anna.wait_answer()
    await both.settled()

    told = [line.text for line in anna.answers if "Until you fix" in line.text]
    [line] = told
    assert line == (
        "llama does not have the model stand-in. Until you fix this, I ask together. "
        "Available: stand-in."
    )


async def test_the_owner_hears_that_there_is_nobody_else(anna, model, alone):
    model.answer = lambda _: ErrorStatus(401)
    await anna.say("question")
    await alone.settled()

    told = await anna.wait_text("Until you fix")
    assert told.text == (
        "llama rejected the API key. Until you fix this, no other provider can answer."
    )


async def test_another_model_can_be_chosen_under_a_failure(anna, model, alone):
    model.answer = lambda _: ErrorStatus(400)
    await anna.say("question")
    await anna.wait_text("rejected the request")
    await anna.press("Choose a model")

    listed = await anna.wait_text("Automatic: llama.")
    assert listed.buttons[:2] == ("✓ automatic", "llama")


async def test_the_line_about_who_answered_can_be_always_or_never(anna, model, second, both):
    model.script(Says("One."), ErrorStatus(503), ErrorStatus(503))
    await anna.say("/settings")
    await anna.wait_answer()
    await anna.press("Name the model: always")
    await anna.say("question")
    always = await anna.wait_text("One.")
    await anna.press("Name the model: never")
    second.script(Says("Two."))
    await anna.say("question")
    never = await anna.wait_text("Two.")

    assert always.text == "One.\n\nvia llama, stand-in"
    assert never.text == "Two."


# --- health ---------------------------------------------------------------------------------------


class Ward:
    """A router with one provider, and the clock that it goes by."""

    def __init__(self, clock, *script):
        self.one, self.two = Echo("one", *script), Echo("two")
        self.router = Router(
            {"one": self.one, "two": self.two}, ("one", "two"), now=clock, sleep=clock.sleep
        )

    async def ask(self, **given):
        ask = CompletionRequest("", (), "question", **given)
        return [part async for part in self.router.stream(ask)]

    def alarms(self):
        return [
            self.router.health.alarms.get_nowait() for _ in range(self.router.health.alarms.qsize())
        ]


async def test_a_resting_provider_comes_back_by_itself(clock):
    ward = Ward(clock, *[(ServerError("one"), None)] * 3)
    for _ in range(3):
        await ward.ask()
    ward.one.sick = ServerError("one")
    await ward.router.health.probe()
    assert not ward.router.health.providers["one"].breaker.closed(clock())
    ward.one.sick = None
    await ward.router.health.probe()
    await ward.ask()

    assert ward.one.checks == 2
    assert len(ward.one.seen) == 4
    assert clock() < 1_800_000_000 + REST_SECONDS


@pytest.mark.parametrize(
    "failure",
    [InvalidKey("one"), OutOfCredit("one"), Overloaded("one", retry_after_seconds=30)],
    ids=["key", "credit", "limit"],
)
async def test_a_probe_ends_no_rest_of_which_it_knows_nothing(clock, failure):
    ward = Ward(clock, (failure, None))
    await ward.ask()

    await ward.router.health.probe()

    assert ward.one.checks == 0
    assert not ward.router.health.providers["one"].breaker.closed(clock())


async def test_a_model_that_is_served_again_is_asked_again(clock):
    ward = Ward(clock, (ModelNotFound("one", model="x"), None))
    await ward.ask()
    await ward.router.health.probe()
    assert not ward.router.health.providers["one"].breaker.closed(clock())
    ward.one.served = [ServedModel("x")]
    await ward.router.health.probe()

    assert ward.router.health.providers["one"].breaker.closed(clock())


async def test_only_the_first_failure_of_a_kind_that_lasts_is_an_alarm(clock):
    refused = (InvalidKey("one"), None)
    ward = Ward(clock, refused, refused, "works", refused)
    for _ in range(4):
        await ward.ask()
        clock.pass_seconds(10_000)

    assert [str(each) for each in ward.alarms()] == ["one rejected the API key"] * 2


async def test_the_next_one_gets_as_much_of_the_past_as_it_takes(clock):
    ward = Ward(clock, (ServerError("one"), None))
    past = tuple(PastTurn(number, "why? " * 300, "because " * 300) for number in range(10))

    parts = [part async for part in ward.router.stream(CompletionRequest("", past, "and now?"))]

    begun = next(part for part in parts if isinstance(part, AnswerStarted))
    assert begun.skipped_providers == ("one ran into an error",)
    assert begun.dropped_turns > 0


async def test_who_is_asked_alone_is_asked_alone(clock):
    ward = Ward(clock, (ServerError("one"), None))

    with pytest.raises(AllProvidersFailed):
        await ward.ask(model="one", single_provider=True)

    assert ward.two.seen == []
