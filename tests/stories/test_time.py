"""A model knows what day it is for the person, and the prompt still only grows."""

import pytest

from ambrosio.emulators.model_server.server import Says

from ..support.running_bot import OWNER, never_wakes, running_bot


@pytest.fixture
async def life(api, telegram_url, tmp_path, model_url, anna):
    given = {"llama_base_url": model_url, "ambrosio_zone": "Europe/Berlin"}
    async with running_bot(api, telegram_url, tmp_path, sleep=never_wakes, **given) as life:
        yield life


def sent(model):
    """List the messages of each request for an answer, as they were sent."""
    return [
        [message["content"] for message in asked.body["messages"]]
        for asked in model.requests
        if asked.question
    ]


async def test_the_local_time_stands_before_each_question_and_stays_there(api, anna, model, life):
    model.answer = lambda _: Says("Tea.")
    await anna.say("what day is it?")
    await life.settled()
    api.state.now.pass_seconds(86_400)
    life.store.facts.set_zone(OWNER, "Asia/Tokyo")
    await anna.say("and today?")
    await life.settled()
    await anna.say("vv and now?")
    await life.settled()

    first, second, third = sent(model)
    assert first[1] == "(Fri 2027-01-15 09:00)\n\nwhat day is it?"
    assert second[:2] == first
    assert second[3].startswith("(Sat 2027-01-16 17:0")
    assert second[3].endswith(")\n\nand today?")
    assert third[:4] == second
    assert third[-1] == "vv and now?"


async def test_the_time_is_nowhere_but_in_the_prompt(anna, life):
    await anna.say("what day is it?")
    await anna.wait_answer()
    await life.settled()
    (row,) = life.store.database.read("SELECT question, note FROM turns")

    assert (row["question"], row["note"]) == ("what day is it?", "(Fri 2027-01-15 09:00)")


class TestTheZone:
    async def test_is_asked_for_with_the_first_reminder_only(self, anna, life):
        await anna.say("/remind 300d tea")
        await anna.wait_text("where you are? (Europe/Berlin)")
        await anna.press("Yes")
        await anna.wait_text("Your time zone is Europe/Berlin.")
        await anna.say("/remind 301d rice")
        await anna.wait_text("rice")
        await life.settled()

        assert life.store.facts.zone(OWNER) == "Europe/Berlin"
        assert not [line for line in anna.answers if "where you are" in line.text]

    async def test_no_says_how_to_choose_it_and_the_reminder_moves(self, api, anna, life):
        await anna.say("/remind 2028-01-15 9:00 tea")
        await anna.wait_text("where you are?")
        await anna.press("No")
        await anna.wait_text("/settings zone")
        await anna.say("/settings zone tokyo")
        await anna.wait_text("Your time zone is Asia/Tokyo")
        # So many messages at once would be held back.
        api.state.now.pass_seconds(60)
        await anna.say("/reminders")
        await anna.wait_text("1. Saturday 15 January 2028, 09:00: tea")

    async def test_that_does_not_exist_changes_nothing(self, anna, life):
        await anna.say("/settings zone Atlantis")
        await anna.wait_text("I do not know the time zone Atlantis")

        assert life.store.facts.zone(OWNER) is None

    async def test_is_that_of_the_times_on_screen(self, anna, life):
        life.store.facts.set_zone(OWNER, "Asia/Tokyo")
        await anna.say("hello")
        await anna.wait_answer()
        await anna.say("/where")

        assert "15 January 2027, 17:00" in (await anna.wait_text("last on")).text
