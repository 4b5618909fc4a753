"""A disk that is full, a damaged page, a copy under load: said in a line, and nothing is lost."""

import asyncio
import resource
import shutil
from types import SimpleNamespace
from typing import Any

import pytest

from ambrosio.app import now
from ambrosio.bot.alerts import check_database
from ambrosio.core import texts
from ambrosio.emulators.model_server.server import Says
from ambrosio.store import Store

from ..support.running_bot import OWNER, running_bot
from .test_crash import process

PEOPLE = (OWNER, 43, 44)


@pytest.fixture
def seats(api):
    return [api.person(number, f"Person {number}").private() for number in PEOPLE]


def answering(model):
    model.answer = lambda asked: Says(f"Answer to {asked.question}." if asked.question else "")


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")
async def test_a_full_disk_acknowledges_nothing_and_loses_nothing(
    api, telegram_url, model, model_url, tmp_path, seats
):
    answering(model)
    async with process(api, telegram_url, model_url, tmp_path) as running:
        await seats[0].say("one")
        await seats[0].wait_text("Answer to one.")
        size = (tmp_path / "ambrosio.db-wal").stat().st_size
        _, most = resource.prlimit(running.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (size, most))
        for seat in seats:
            await seat.say(f"two of {seat.id} " + "😀" * 1000)
        polls = len(api.calls_to("getUpdates"))
        await api.wait_for(lambda: len(api.calls_to("getUpdates")) >= polls + 2)
        pending = len(api.updates.pending)
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (most, most))
        for seat in seats:
            await seat.wait_text(f"Answer to two of {seat.id}")

    assert pending == len(seats)
    assert [len(seat.answers) for seat in seats] == [2, 1, 1]


async def test_a_copy_made_under_load_holds_the_same_conversations(
    api, telegram_url, model, model_url, tmp_path, seats
):
    answering(model)
    people = {"ambrosio_owner": frozenset(PEOPLE), "llama_base_url": model_url}
    copy = tmp_path / "copy.db"

    def back_up(database):
        with Store(database, now=now) as store:
            store.archive.backup(copy)

    async with running_bot(api, telegram_url, tmp_path / "first", **people) as life:
        for number in range(8):
            for seat in seats:
                await seat.say(f"q{number} of {seat.id}")
        await seats[0].wait_text(f"Answer to q2 of {OWNER}.")
        await asyncio.to_thread(back_up, life.store.database.file)
        await life.settled()
        answers = {
            row["question"]: row["answer"]
            for row in life.store.database.read("SELECT question, answer FROM turns")
        }
    (tmp_path / "second").mkdir()
    shutil.copy(copy, tmp_path / "second" / "ambrosio.db")
    async with running_bot(api, telegram_url, tmp_path / "second", **people) as life:
        damage = life.store.database.damage()
        rows = life.store.database.read("SELECT * FROM turns WHERE answer IS NOT NULL")
        await life.settled()
        await seats[0].say("what now?")
        await seats[0].wait_text("Answer to what now?")
        told = [text for role, text in model.requests[-1].messages if role == "user"]

    assert damage == ""
    assert len(rows) >= 3
    assert all(answers[row["question"]] == row["answer"] for row in rows)
    assert told[-1] == "what now?"
    assert told[:3] == [f"q{number} of {OWNER}" for number in range(3)]


async def test_damage_is_found_some_time_after_the_start_and_told_to_the_owner(tmp_path):
    path = tmp_path / "a.db"
    told: list[tuple[int, str]] = []
    slept: list[float] = []
    with Store(path, now=now) as store, store.database.transaction() as db:
        db.executemany("INSERT INTO zones VALUES (?, ?)", [(n, "UTC " * 50) for n in range(500)])
    with Store(path, now=now) as store:
        whole = store.database.damage()
        store.database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[-4096 * 2 : -4096] = b"\xff" * 4096
    path.write_bytes(content)

    def deliver_soon(chat):
        waiting: Any = store.outbox.next_message(chat)
        told.append((chat.chat_id, waiting[1].content.text))

    async def sleep(seconds):
        slept.append(seconds)

    with Store(path, now=now) as store:
        context: Any = SimpleNamespace(store=store, owners=lambda: {OWNER})
        delivery: Any = SimpleNamespace(deliver_soon=deliver_soon)
        await check_database(context, delivery, sleep)

    assert whole == ""
    assert slept == [60]
    assert told == [(OWNER, texts.DATABASE_DAMAGED.replace("`", ""))]
