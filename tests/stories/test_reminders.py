"""Reminders are sent once, at the time on the person's clock, in the chat they were made in."""

import signal
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ambrosio.core.messages import Chat
from ambrosio.core.reminders import Rule
from ambrosio.core.zones import local_time
from ambrosio.store import Person, Reminder, Store

from ..support.running_bot import OWNER, never_wakes, running_bot
from .test_crash import process

BERLIN = "Europe/Berlin"
SECRET = "xylophone"


def real_now():
    return datetime.now(UTC).timestamp()


@pytest.fixture
async def still(api, telegram_url, tmp_path, model_url, anna):
    """A bot whose clock stands still, until the test moves it."""
    given = {"llama_base_url": model_url, "ambrosio_zone": BERLIN}
    async with running_bot(api, telegram_url, tmp_path, sleep=never_wakes, **given) as life:
        yield life


def made(store, text, due_at, *, chat=OWNER, person=OWNER, message=900, repeat="none", local=False):
    """Make a reminder as `/remind` does; the rule is what stands on a clock in Berlin."""
    rule = Rule(local_time(due_at, BERLIN).replace(tzinfo=None), BERLIN, repeat)
    return store.reminders.add(Reminder(Chat(chat), message, person, text, rule, due_at, local))


def waiting(life, chat=OWNER, person=OWNER):
    return life.store.reminders.waiting(Chat(chat), person)


async def test_a_reminder_is_shown_back_and_sent_when_it_is_due(anna, life):
    await anna.say("/remind 20m tea")
    await anna.wait_text("I will remind you")
    due = await anna.wait_text("⏰ tea")

    assert due.text == "⏰ tea"
    assert waiting(life) == []


async def test_after_a_downtime_it_is_sent_once_and_says_when_it_was_due(
    api, telegram_url, tmp_path, model_url, anna, clock
):
    given = {"llama_base_url": model_url, "ambrosio_zone": BERLIN}
    async with running_bot(api, telegram_url, tmp_path, sleep=never_wakes, **given):
        await anna.say("/remind 20m tea")
        await anna.wait_text("I will remind you")
    clock.pass_seconds(7200)
    async with running_bot(api, telegram_url, tmp_path, **given) as life:
        late = await anna.wait_text("I was not running then")
        await life.settled()

    assert "This was due on Friday 15 January 2027, 09:20" in late.text
    assert len([line for line in anna.answers if "⏰" in line.text]) == 1


async def test_killed_between_due_and_sent_it_is_sent_once(api, telegram_url, model_url, tmp_path):
    anna = api.person(OWNER).private()
    with Store(tmp_path / "ambrosio.db", now=real_now) as store:
        made(store, "tea", real_now() - 1)
    refused = api.flood("sendMessage", retry_after=60, times=float("inf"))
    async with process(api, telegram_url, model_url, tmp_path) as first:
        await api.wait_for(lambda: api.calls_to("sendMessage"))
        first.send_signal(signal.SIGKILL)
        await first.wait()
    assert anna.answers == []
    refused.times = 0
    async with process(api, telegram_url, model_url, tmp_path):
        await anna.wait_text("⏰ tea")
    async with process(api, telegram_url, model_url, tmp_path):
        await anna.say("/reminders")
        await anna.wait_text("no reminders here")

    assert [line.text for line in anna.answers if "⏰" in line.text] == ["⏰ tea"]


async def test_it_is_made_together_with_the_end_of_its_command_or_not_at_all(
    anna, still, monkeypatch
):
    reminders, inbox, before = still.store.reminders, still.store.inbox, []
    add, mark_done = reminders.add, inbox.mark_done

    def counted(reminder):
        before.append(reminders.count(OWNER))
        return add(reminder)

    def failing(item):
        if len(before) < 2:
            raise RuntimeError("killed just before the end")
        mark_done(item)

    monkeypatch.setattr(reminders, "add", counted)
    monkeypatch.setattr(inbox, "mark_done", failing)
    await anna.say("/remind 20m tea")
    await anna.wait_text("I will remind you")

    assert before == [0, 0]
    assert len(waiting(still)) == 1


class TestButtons:
    async def test_undo_deletes_it(self, anna, still):
        await anna.say("/remind 20m tea")
        await anna.wait_text("I will remind you")
        await anna.press("Undo")
        await anna.wait_text("Deleted.")

        assert waiting(still) == []

    async def test_in_ten_minutes_is_one_reminder_however_often_it_is_pressed(
        self, anna, life, clock
    ):
        made(life.store, "tea", clock() - 60)
        await anna.say("/start")
        sent = await anna.wait_text("⏰ tea")

        async def snooze():
            before = len(anna.answers)
            anna.tap("In 10 min", sent.message_id)
            anna.tap("In 10 min", sent.message_id)
            await life.settled()
            await anna.wait_until(lambda: len(anna.answers) > before, "nothing")

        await snooze()
        rows = life.store.database.read("SELECT * FROM reminders WHERE message_id <> 900")
        assert len(rows) == 1

    @pytest.mark.parametrize(
        ("now", "due", "tomorrow"),
        [
            ("2027-01-15 09:00:30", "2027-01-15 09:00", "2027-01-16 09:00"),
            ("2027-01-15 23:40", "2027-01-15 09:00", "2027-01-16 09:00"),
            ("2027-03-27 12:00", "2027-03-27 09:00", "2027-03-28 09:00"),
            ("2027-10-30 12:00", "2027-10-30 09:00", "2027-10-31 09:00"),
        ],
    )
    async def test_tomorrow_is_at_its_own_time_of_day(self, anna, still, clock, now, due, tomorrow):
        clock.time = at(now)
        made(still.store, "tea", at(due))
        await ring(anna, still)
        await anna.press("Tomorrow")
        await anna.wait_text("I will remind you")

        assert [reminder.due_at for reminder in waiting(still)] == [at(tomorrow)]

    async def test_tomorrow_of_a_weekly_one_comes_besides_it(self, anna, still, clock):
        clock.time = at("2027-01-15 09:00:30")
        made(still.store, "tea", at("2027-01-15 09:00"), repeat="weekly")
        await ring(anna, still)
        await anna.press("Tomorrow")
        await anna.wait_text("I will remind you")

        due = [reminder.due_at for reminder in waiting(still)]
        assert due == [at("2027-01-16 09:00"), at("2027-01-22 09:00")]

    async def test_tomorrow_of_a_daily_one_is_not_said_twice(self, anna, still, clock):
        clock.time = at("2027-01-15 09:00:30")
        made(still.store, "tea", at("2027-01-15 09:00"), repeat="daily")
        await ring(anna, still)
        toast = await anna.press("Tomorrow")

        assert "already repeats" in toast["text"]
        assert len(waiting(still)) == 1

    async def test_nobody_else_can_change_it(self, api, still):
        ben = api.person(43, "Ben")
        still.store.admit(Person(43, "Ben", is_owner=False))
        group = api.group(-1001234, "Kitchen")
        still.store.people.set_group(group.id, "Kitchen")
        await group.as_user(api.person(OWNER)).say("/remind@ambrosio_bot daily 9:00 tea")
        seat = group.as_user(ben)
        await seat.wait_text("I will remind you")
        toast = await seat.press("Undo")

        assert "Someone else" in toast["text"]
        assert len(waiting(still, group.id)) == 1


class TestTheList:
    async def test_deleting_and_moving_redraw_it(self, anna, still, clock):
        clock.time = at("2027-01-15 12:00")
        made(still.store, "tea", at("2027-01-18 09:00"), message=901)
        made(still.store, "rice", at("2027-01-19 10:00"), message=902)
        await anna.say("/reminders")
        shown = await anna.wait_text("1. Monday 18 January 2027, 09:00: tea")
        await anna.press("1: +1 h")
        await anna.wait_text("1. Monday 18 January 2027, 10:00: tea")
        await anna.press("2: tomorrow")
        await anna.wait_text("1. Saturday 16 January 2027, 10:00: rice")
        await anna.press("2: delete")
        await anna.wait_until(lambda: "tea" not in anna.last.text, "still there")

        assert anna.last.message_id == shown.message_id
        assert [(each.text, each.due_at) for each in waiting(still)] == [
            ("rice", at("2027-01-16 10:00"))
        ]

    async def test_a_button_that_is_tapped_twice_moves_it_once(self, anna, still, clock):
        due = clock() + 86_400
        made(still.store, "tea", due)
        await anna.say("/reminders")
        await anna.wait_text("1. ")
        first, second = anna.tap("1: +1 h"), anna.tap("1: +1 h")
        await anna.wait_until(lambda: first.answer and second.answer, "no answer")

        assert [reminder.due_at for reminder in waiting(still)] == [due + 3600]

    async def test_it_is_cut_at_a_reminder(self, anna, still, clock):
        for number in range(12):
            made(still.store, "🍚" * 900, clock() + 3600 * (number + 1), message=901 + number)
        await anna.say("/reminders")
        shown = await anna.wait_text("1. ")

        assert shown.text.count("🍚") == 1800
        assert shown.text.endswith("… and 10 more, later than these.")

    async def test_without_any_it_says_how_to_make_one(self, anna, still):
        await anna.say("/reminders")

        assert "no reminders here" in (await anna.wait_answer()).text


class TestWhoGetsThem:
    async def test_a_guest_who_was_removed_gets_none(self, api, anna, life, clock):
        ben = api.person(43, "Ben").private()
        life.store.admit(Person(43, "Ben", is_owner=False))
        await ben.say("/remind 3m tea")
        await ben.wait_text("I will remind you")
        life.store.people.remove(43)
        await anna.say("/remind 5m rice")
        await anna.wait_text("⏰ rice")
        await life.settled()

        assert not [line for line in ben.answers if "⏰" in line.text]
        assert life.store.database.read("SELECT * FROM reminders WHERE user_id = 43") == []

    async def test_a_group_that_was_left_gets_none(self, api, anna, life):
        group = api.group(-1001234, "Kitchen")
        life.store.people.set_group(group.id, "Kitchen")
        made(life.store, "tea", life.api.state.now() + 120, chat=group.id)
        life.store.people.set_group(group.id, None)
        await anna.say("/remind 5m rice")
        await anna.wait_text("⏰ rice")
        await life.settled()

        assert not [line for line in group.screen() if "⏰" in line.text]


class TestPrivacy:
    async def test_what_was_made_in_private_stays_local(self, anna, life):
        await anna.say("/private on")
        await anna.wait_answer()
        await anna.say(f"/remind daily 9:00 {SECRET}")
        shown = await anna.wait_text("I will remind you")
        await anna.say("/private off")
        await anna.wait_answer()
        await anna.say("/reminders")
        listed = await anna.wait_text("1. ")
        due = await anna.wait_text("⏰")
        await life.settled()

        for line in (shown, listed, due):
            assert life.store.conversations.is_local_only(Chat(OWNER), line.message_id)

    async def test_a_reply_to_something_private_makes_a_private_one(self, anna, still):
        message = await anna.say("/remind 20m " + SECRET)
        await anna.wait_text("I will remind you")
        still.store.conversations.mark_local_only(Chat(OWNER), message)
        await anna.say("/remind 30m", reply_to=message)
        await anna.wait_until(lambda: len(waiting(still)) == 2, "no reminder")

        assert waiting(still)[1].local_only


class TestTheStore:
    def test_a_command_that_is_handled_again_keeps_the_id(self, store, clock):
        first = made(store, "tea", clock() + 60)
        assert made(store, "green tea", clock() + 90) == first
        assert store.reminders.get(first).text == "green tea"

    def test_a_group_that_has_moved_takes_them_along(self, store, clock):
        made(store, "tea", clock() + 60, chat=-500, message=7)
        store.move_chat(-500, -1000000000500)
        (moved,) = store.reminders.waiting(Chat(-1000000000500), OWNER)

        assert (moved.text, moved.message_id) == ("tea", -7)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN)).timestamp()


async def ring(anna, life):
    """Let what is due be sent: a new reminder wakes whoever sends them."""
    await anna.say("/remind 300d later")
    await anna.wait_text("⏰")
    await life.settled()
    for row in waiting(life):
        if row.text == "later":
            life.store.reminders.delete(row.reminder_id)
