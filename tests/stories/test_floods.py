"""Thousands of messages from one person: told once, and nobody else waits for it."""

import asyncio

from ambrosio.bot.poller import MAX_WAITING
from ambrosio.core import texts
from ambrosio.emulators.model_server.server import Holds, Says

from ..support.running_bot import OWNER, running_bot

FLOOD = 3_000


async def test_one_who_floods_is_told_once_and_slows_nobody(
    api, telegram_url, tmp_path, model, model_url, anna, caplog
):
    eve = api.person(666, "Eve").private()
    held = asyncio.Event()

    def answer(asked):
        return Holds("Wait.", held) if asked.question == "flood" else Says("Here.")

    model.answer = answer
    given = {"llama_base_url": model_url, "ambrosio_owner": frozenset({OWNER, 666})}
    async with running_bot(api, telegram_url, tmp_path, **given) as life:
        for _ in range(FLOOD):
            await eve.say("flood")
        await anna.say("question")
        await anna.wait_text("Here.")
        await eve.wait_text(texts.TOO_MANY_WAITING)
        [row] = life.store.database.read("SELECT count(*) AS count FROM inbox")
        await api.wait_for(lambda: not api.updates.pending)

    assert row["count"] <= MAX_WAITING + 1
    assert [line.text for line in eve.answers].count(texts.TOO_MANY_WAITING) == 1
    assert caplog.text.count("dropped") <= 5
