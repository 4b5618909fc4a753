"""After a crash: what was being worked on is tried alone, and only what is poison is given up."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from ambrosio.bot import ptb
from ambrosio.core import texts
from ambrosio.core.messages import Chat, OutgoingMessage
from ambrosio.emulators.model_server.server import Holds, Says
from ambrosio.markdown import plain
from ambrosio.store import Store

from ..support.running_bot import OWNER, running_bot

PEOPLE = (OWNER, 43, 44)


@pytest.fixture
def seats(api):
    return [api.person(number, f"Person {number}").private() for number in PEOPLE]


class Life:
    """Bots that end by a crash, each with what the disk held at that moment."""

    def __init__(self, api, telegram_url, model, model_url, folder):
        self._api, self._model = api, model
        self._urls = telegram_url, model_url
        self._folder, self._count = folder, 0

    @asynccontextmanager
    async def bot(self):
        """Run a bot on what the last one has left."""
        telegram_url, model_url = self._urls
        folder = self._folder / str(self._count)
        async with running_bot(
            self._api,
            telegram_url,
            folder,
            llama_base_url=model_url,
            ambrosio_owner=frozenset(PEOPLE),
        ) as running:
            yield running

    def crash(self, bot, sql=""):
        """Let the next bot find the database as it is now."""
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        with bot.store.database.transaction() as db:
            if sql:
                db.execute(sql)
        bot.store.database.connection.execute(f"VACUUM INTO '{folder / 'ambrosio.db'}'")


@pytest.fixture
def lives(api, telegram_url, model, model_url, tmp_path):
    return Life(api, telegram_url, model, model_url, tmp_path)


def asked(model):
    return [request.question for request in model.requests if request.question]


def works(bot):
    rows = bot.store.database.read("SELECT work FROM inbox WHERE state = 'new' AND work <> ''")
    return [row["work"] for row in rows]


async def crash_in_work(lives, model, seats, sql=""):
    held = asyncio.Event()
    model.answer = lambda request: Holds("Half", held) if request.question else Says("")
    async with lives.bot() as bot:
        for seat in seats:
            await seat.say(f"question of {seat.id}")
        await model.wait_for(lambda: len(asked(model)) == len(seats))
        lives.crash(bot, sql)
    model.requests.clear()
    model.served.clear()


async def test_suspects_are_worked_on_one_by_one_and_before_what_is_new(lives, model, seats):
    *suspects, newcomer = seats
    await crash_in_work(lives, model, suspects)
    await newcomer.say(f"question of {newcomer.id}")
    gates = [asyncio.Event() for _ in seats]
    numbers = iter(range(len(seats)))
    model.answer = lambda request: (
        Holds("Here.", gates[next(numbers)]) if request.question else Says("")
    )
    in_work = []
    async with lives.bot() as bot:
        for gate, seat in zip(gates, seats, strict=True):
            await model.wait_for(lambda seat=seat: f"question of {seat.id}" in asked(model))
            in_work.append(works(bot))
            gate.set()
            await seat.wait_text("Here.")
        await bot.settled()

    assert asked(model) == [f"question of {seat.id}" for seat in seats]
    assert in_work == [["alone"], ["alone"], ["shared"]]


async def test_a_message_that_was_not_alone_is_never_given_up(lives, model, seats):
    await crash_in_work(lives, model, seats, "UPDATE inbox SET attempts = 50")
    model.answer = lambda _: Says("Here.")
    async with lives.bot() as bot:
        for seat in seats:
            await seat.wait_text("Here.")
        await bot.settled()


@pytest.mark.parametrize(
    ("failures", "told", "quiet"), [(0, "Here.", 5), (1, "Here.", 20), (2, texts.GAVE_UP, 0)]
)
async def test_one_that_ends_the_process_alone_three_times_is_given_up(
    lives, model, seats, clock, failures, told, quiet
):
    sql = f"UPDATE inbox SET work = 'alone', failures = {failures} WHERE chat_id = {OWNER}"
    await crash_in_work(lives, model, seats, sql)
    model.answer = lambda _: Says("Here.")
    started_at = clock()
    async with lives.bot() as bot:
        await seats[0].wait_text(told)
        waited = clock() - started_at
        for seat in seats[1:]:
            await seat.wait_text("Here.")
        await bot.settled()

    assert waited >= quiet
    assert len(seats[0].answers) == 1


async def test_an_orderly_stop_makes_no_suspects(lives, model, seats):
    held = asyncio.Event()
    model.answer = lambda request: Holds("Half", held) if request.question else Says("")
    async with lives.bot():
        await seats[0].say("question")
        await model.wait_for(lambda: asked(model))
    async with lives.bot() as bot:
        await model.wait_for(lambda: len(asked(model)) == 2)
        [item] = bot.store.database.read("SELECT attempts, failures, suspect FROM inbox")

    assert tuple(item) == (1, 0, 0)


async def test_what_waits_at_the_start_and_fails_as_nobody_foresaw_costs_one_message(
    api, telegram_url, tmp_path, seats, monkeypatch
):
    to_markup = ptb.to_markup

    def failing(outgoing):
        if outgoing.content.text == "Hello.":
            raise RuntimeError("a fault of our own")
        return to_markup(outgoing)

    monkeypatch.setattr(ptb, "to_markup", failing)
    with Store(tmp_path / "ambrosio.db", now=api.state.now) as store:
        store.outbox.enqueue(OutgoingMessage(Chat(OWNER), plain("Hello.")))
        store.outbox.enqueue(OutgoingMessage(Chat(OWNER), plain("Good morning.")))
    async with running_bot(api, telegram_url, tmp_path) as bot:
        await seats[0].wait_text("Good morning.")
        await bot.settled()

    assert [line.text for line in seats[0].answers] == [texts.MAYBE_SENT, "Good morning."]


async def test_after_a_restart_an_edit_replaces_the_answer_that_was_still_to_be_sent(
    api, telegram_url, tmp_path, model, model_url, anna
):
    model.answer = lambda asked: Says(f"On {asked.question}." if asked.question else "")
    api.fail("sendMessage", code=502, times=1000)
    async with running_bot(api, telegram_url, tmp_path, llama_base_url=model_url):
        question = await anna.say("tea")
        await api.wait_for(lambda: api.calls_to("sendMessage"))
    api.faults.clear()
    # What is cut off takes a while, since Telegram is asked about it.
    api.drop("sendMessage", processed=False)
    await anna.edit(question, "rice")
    async with running_bot(api, telegram_url, tmp_path, llama_base_url=model_url) as life:
        await anna.wait_text("On rice.")
        await life.settled()

    assert [line.text for line in anna.answers] == ["On rice."]
