"""Reminders are sent once, at the time on the person's clock, in the chat they were made in."""

from ambrosio.core.messages import Chat

from ..support.running_bot import OWNER, running_bot


async def test_a_reminder_is_shown_back_and_sent_when_it_is_due(anna, life):
    await anna.say("/remind 20m tea")
    await anna.wait_text("I will remind you")
    due = await anna.wait_text("⏰ tea")

    assert due.text == "⏰ tea"
    assert life.store.reminders.waiting(Chat(OWNER), OWNER) == []


async def test_after_a_downtime_it_is_sent_once_and_says_when_it_was_due(
    api, telegram_url, tmp_path, model_url, anna, clock
):
    given = {"llama_base_url": model_url, "ambrosio_zone": "Europe/Berlin"}

    async def waits(_seconds):
        import asyncio

        await asyncio.Event().wait()

    async with running_bot(api, telegram_url, tmp_path, sleep=waits, **given):
        await anna.say("/remind 20m tea")
        await anna.wait_text("I will remind you")
    clock.pass_seconds(7200)
    async with running_bot(api, telegram_url, tmp_path, **given) as life:
        await anna.wait_text("I was off then")
        await life.settled()

    assert len([line for line in anna.answers if "⏰" in line.text]) == 1
