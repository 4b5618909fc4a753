"""What must outlive the process does, whole or not at all."""

import os
import sqlite3
from decimal import Decimal

import pytest

from ambrosio.core.context_window import PastTurn
from ambrosio.core.costs import Expense
from ambrosio.core.errors import StoreFailed
from ambrosio.core.messages import (
    Button,
    Chat,
    Entity,
    File,
    FormattedText,
    ModelRef,
    OutgoingMessage,
    Turn,
)
from ambrosio.store import ChatState, NewUpdate, Person, Store, TurnResult
from ambrosio.store.database import MIGRATIONS

HERE, ELSEWHERE = Chat(42), Chat(-100, 7)
BOT = 1
DAY = 86_400


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "ambrosio.db"


def received(number, *, message=5, lane="42:0", body="{}"):
    return NewUpdate(number, lane, HERE, message, body)


def outgoing(text, place=HERE, **fields):
    return OutgoingMessage(place, FormattedText(text), **fields)


def answered(question, answer, **fields):
    start = fields.pop("start", None)
    turn = Turn(chat=HERE, message_id=5, user_id=42, question=question, **fields)
    return TurnResult(turn, answer, start, ModelRef("llama", "qwen"))


def said(store, question, answer="yes", **fields):
    return store.finish(None, (), answered(question, answer, **fields))


def questions(history):
    return [past.question for past in history]


def everything(store):
    names = store._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {
        name: [tuple(row) for row in store._db.execute(f"SELECT * FROM {name}")]
        for (name,) in names
        if name != "sqlite_sequence"
    }


class TestTheFile:
    def test_all_is_there_when_it_is_opened_again(self, path, clock):
        with Store(path, now=clock) as store:
            store.receive(BOT, 8, [received(7, body="one")])
            said(store, "tea?")
            store.enqueue(outgoing("Tea."))
            store.admit(Person(43, "Bert", is_owner=False))
            store.set_group(-100, "Family")
            before = everything(store)

        with Store(path, now=clock) as store:
            assert everything(store) == before
            assert store.offset(BOT) == 8
            row = store.claim("42:0")
            assert row
            assert row.body == "one"
            assert questions(store.history(store.chat_state(HERE).latest_turn_id)) == ["tea?"]
            assert store.people() == [Person(43, "Bert", is_owner=False)]
            assert store.groups() == {-100: "Family"}

    def test_only_its_owner_may_read_it(self, path, clock):
        umask = os.umask(0)
        try:
            with Store(path, now=clock) as store:
                said(store, "secret?")
                modes = {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()}
        finally:
            os.umask(umask)

        assert set(modes.values()) == {0o600}
        assert "ambrosio.db" in modes

    def test_migrations_run_once_each(self, path, clock):
        with Store(path, now=clock) as store:
            said(store, "tea?")
            assert store._read("PRAGMA user_version")[0][0] == len(MIGRATIONS)

        with Store(path, now=clock) as store:
            assert store._read("PRAGMA user_version")[0][0] == len(MIGRATIONS)
            assert store.turn(1) is not None

    def test_an_older_file_is_brought_up_to_date_step_by_step(self, path, clock, monkeypatch):
        more = (*MIGRATIONS, "CREATE TABLE later (id INTEGER); INSERT INTO later VALUES (1);")
        with Store(path, now=clock) as store:
            said(store, "tea?")
        monkeypatch.setattr("ambrosio.store.database.MIGRATIONS", more)

        for _ in range(2):
            with Store(path, now=clock) as store:
                assert len(store._read("SELECT * FROM later")) == 1
                assert store.turn(1) is not None

    def test_a_migration_that_fails_changes_nothing(self, path, clock, monkeypatch):
        more = (*MIGRATIONS, "CREATE TABLE later (id INTEGER); INSERT INTO nowhere VALUES (1);")
        with Store(path, now=clock) as store:
            said(store, "tea?")
        with monkeypatch.context() as patched:
            patched.setattr("ambrosio.store.database.MIGRATIONS", more)
            with pytest.raises(StoreFailed), Store(path, now=clock):
                pass

        with Store(path, now=clock) as store:
            assert "later" not in everything(store)
            assert store.turn(1) is not None

    def test_a_damaged_file_is_told(self, path, clock):
        path.parent.mkdir()
        path.write_bytes(b"no database at all" * 100)

        with pytest.raises(StoreFailed), Store(path, now=clock):
            pass

    def test_a_page_that_is_damaged_is_told(self, path, clock):
        with Store(path, now=clock) as store:
            for number in range(50):
                said(store, "word " * 500 + str(number))
        content = bytearray(path.read_bytes())
        half = len(content) // 8192 * 4096  # the first pages say which tables there are
        content[half:] = b"\xff" * (len(content) - half)
        path.write_bytes(content)

        with Store(path, now=clock) as store:
            with pytest.raises(StoreFailed):
                store.history(50)
            with pytest.raises(StoreFailed):
                said(store, "tea?")

    def test_a_folder_that_cannot_be_made_is_told(self, tmp_path, clock):
        (tmp_path / "data").write_text("a file")

        with pytest.raises(StoreFailed), Store(tmp_path / "data" / "ambrosio.db", now=clock):
            pass

    def test_a_file_that_cannot_be_opened_is_told(self, path, clock):
        path.mkdir(parents=True)

        with pytest.raises(StoreFailed), Store(path, now=clock):
            pass

    def test_a_file_that_another_writes_to_for_long_is_told(self, path, clock):
        with Store(path, now=clock) as store:
            store._db.execute("PRAGMA busy_timeout = 1")
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")

            with pytest.raises(StoreFailed):
                store.enqueue(outgoing("Tea."))

            other.close()
            store.enqueue(outgoing("Tea."))


class TestTheInbox:
    def test_an_update_is_kept_once(self, store):
        store.receive(BOT, 8, [received(7, body="first")])
        store.receive(BOT, 8, [received(7, body="again"), received(8)])
        store.receive(BOT + 1, 8, [received(7, body="another bot's")])

        bodies = [row[0] for row in store._read("SELECT body FROM inbox ORDER BY seq")]
        assert bodies == ["first", "{}", "another bot's"]

    def test_an_update_that_is_done_is_not_taken_up_again(self, store):
        store.receive(BOT, 8, [received(7)])
        store.finish(store.claim("42:0"))
        store.receive(BOT, 8, [received(7)])

        assert store.waiting() == 0
        assert store.claim("42:0") is None

    def test_each_bot_has_its_own_offset(self, store):
        store.receive(BOT, 8, [])
        store.receive(BOT + 1, 3, [])
        store.receive(BOT, 5, [])

        assert [store.offset(bot) for bot in (BOT, BOT + 1, BOT + 2)] == [5, 3, None]

    def test_a_lane_is_worked_down_in_order(self, store):
        store.receive(BOT, 10, [received(9), received(3), received(4, lane="-100:7")])

        assert sorted(store.lanes()) == ["-100:7", "42:0"]
        first = store.claim("42:0")
        store.finish(first)
        second = store.claim("42:0")
        assert first.seq < second.seq
        assert store.claim("-100:7").chat == Chat(42, 7)

    def test_an_attempt_is_counted_before_it_is_made(self, store):
        store.receive(BOT, 8, [received(7)])

        attempts = [store.claim("42:0").attempts for _ in range(3)]

        assert attempts == [1, 2, 3]

    def test_an_attempt_that_is_given_back_does_not_count(self, store):
        store.receive(BOT, 8, [received(7)])
        store.release(store.claim("42:0"))

        assert store.claim("42:0").attempts == 1

    def test_what_is_set_aside_blocks_nothing_and_stays_to_be_looked_at(self, store):
        store.receive(BOT, 9, [received(7, body="poison"), received(8)])
        store.dead_letter(store.claim("42:0"), "ValueError", [outgoing("Sorry.")])

        assert store.claim("42:0").seq == 2
        row = store._read("SELECT state, error, body FROM inbox WHERE seq = 1")[0]
        assert tuple(row) == ("aside", "ValueError", "poison")
        assert store.next_out(HERE)[1].content.text == "Sorry."

    def test_finished_updates_go_after_two_days_and_new_ones_never(self, store, clock):
        store.receive(BOT, 10, [received(7), received(8), received(9)])
        store.finish(store.claim("42:0"))
        store.dead_letter(store.claim("42:0"), "error")

        clock.pass_seconds(2 * DAY - 1)
        store.receive(BOT, 10, [])
        early = len(store._read("SELECT * FROM inbox"))
        clock.pass_seconds(2)
        store.receive(BOT, 10, [])

        left = [row["number"] for row in store._read("SELECT * FROM inbox")]
        assert (early, left) == (3, [9])

    def test_a_number_may_come_again_after_it_was_forgotten(self, store, clock):
        store.receive(BOT, 8, [received(7)])
        store.finish(store.claim("42:0"))

        clock.pass_seconds(2 * DAY + 1)
        store.receive(BOT, 8, [received(7, body="new")])

        assert store.claim("42:0").body == "new"

    def test_words_are_not_kept_longer_than_needed(self, store):
        store.receive(BOT, 8, [received(7, body="secret")])
        store.finish(store.claim("42:0"))

        assert store._read("SELECT body FROM inbox")[0]["body"] == ""

    def test_an_edit_that_waits_behind_is_seen(self, store):
        store.receive(BOT, 9, [received(7, message=5), received(8, message=6)])
        row = store.claim("42:0")
        before = store.superseded(row)
        store.receive(BOT, 10, [received(9, message=5)])

        assert (before, store.superseded(row)) == (False, True)

    def test_an_update_may_move_to_another_lane(self, store):
        store.receive(BOT, 8, [received(7)])
        store.move(store.claim("42:0"), "42:0:slow:0")

        assert store.claim("42:0") is None
        assert store.claim("42:0:slow:0").attempts == 1

    def test_a_preview_that_was_left_is_remembered(self, store):
        store.receive(BOT, 8, [received(7)])
        store.record_draft(store.claim("42:0"), 99)

        assert store.claim("42:0").draft_message_id == 99


class TestFinish:
    def test_all_of_it_happens(self, store):
        store.receive(BOT, 8, [received(7)])
        row = store.claim("42:0")

        number = store.finish(row, [outgoing("Yes."), outgoing("And no.")], answered("q", "a"))

        assert store.turn(number).answer == "a"
        assert store.chat_state(HERE).latest_turn_id == number
        assert store.next_out(HERE)[1].content.text == "Yes."
        assert store.waiting() == 0

    @pytest.mark.parametrize("last", ["inbox", "outbox", "places"])
    def test_or_nothing(self, store, last):
        store.receive(BOT, 8, [received(7)])
        row = store.claim("42:0")
        event = "UPDATE" if last == "inbox" else "INSERT"
        store._db.execute(
            f"CREATE TEMP TRIGGER full BEFORE {event} ON main.{last}"
            " BEGIN SELECT RAISE (ABORT, 'no room'); END"
        )
        before = everything(store)

        with pytest.raises(StoreFailed):
            store.finish(row, [outgoing("Yes.")], answered("q", "a"))

        assert everything(store) == before
        store._db.execute("DROP TRIGGER full")
        assert store.finish(row, [outgoing("Yes.")], answered("q", "a"))

    def test_what_is_no_failure_of_the_disk_rolls_back_too(self, store):
        before = everything(store)

        def replies():
            yield outgoing("Yes.")
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            store.finish(None, replies(), answered("q", "a"))

        assert everything(store) == before

    def test_the_messages_of_a_turn_know_its_number(self, store):
        reply = outgoing("Yes.", buttons=(Button("Longer", "longer:{turn}"),))

        number = store.finish(None, [reply], answered("q", "a"))

        out = store.next_out(HERE)[1]
        assert out.turn_id == number
        assert out.buttons == (Button("Longer", f"longer:{number}"),)


class TestHistory:
    def test_it_leads_from_turn_to_turn(self, store):
        one = said(store, "one", "1")
        two = said(store, "two", "2", parent_id=one, start=one, concise=True)

        assert store.history(two) == (
            PastTurn(one, "one", "1"),
            PastTurn(two, "two", "2", concise=True),
        )
        assert store.history(one) == (PastTurn(one, "one", "1"),)
        assert store.history(None) == ()
        assert store.history(999) == ()

    def test_a_turn_that_was_shown_nothing_of_the_past_begins_anew(self, store):
        one = said(store, "one")
        two = said(store, "two", parent_id=one)

        assert questions(store.history(two)) == ["two"]

    def test_branches_do_not_meet(self, store):
        one = said(store, "one")
        two = said(store, "two", parent_id=one, start=one)
        three = said(store, "three", parent_id=two, start=one)
        other = said(store, "other two", parent_id=one, start=one)

        assert questions(store.history(three)) == ["one", "two", "three"]
        assert questions(store.history(other)) == ["one", "other two"]

    def test_a_failed_turn_leaves_no_trace(self, store):
        one = said(store, "one")
        failed = said(store, "failed", None, parent_id=one, start=one)
        two = said(store, "two", parent_id=failed, start=one)

        assert questions(store.history(two)) == ["one", "two"]
        assert store.turn(failed).answer is None
        assert store.chat_state(HERE).latest_turn_id == two

    def test_a_failed_turn_does_not_become_the_head(self, store):
        one = said(store, "one")
        said(store, "failed", None, parent_id=one, start=one)

        assert store.chat_state(HERE).latest_turn_id == one

    def test_it_goes_on_from_where_it_was_cut(self, store):
        one = said(store, "one")
        two = said(store, "two", parent_id=one, start=one)
        three = said(store, "three", parent_id=two, start=one)
        four = said(store, "four", parent_id=three, start=three)
        five = said(store, "five", parent_id=four, start=three)

        assert questions(store.history(four)) == ["three", "four"]
        assert questions(store.history(five)) == ["three", "four", "five"]
        assert questions(store.history(three)) == ["one", "two", "three"]

    def test_an_answer_takes_the_place_of_the_one_it_replaces(self, store):
        one = said(store, "one", "1")
        two = said(store, "two", "2", parent_id=one, start=one)

        again = said(store, "one, edited", "1b", replaces_id=one)

        assert again == one
        assert store.history(two) == (
            PastTurn(one, "one, edited", "1b"),
            PastTurn(two, "two", "2"),
        )
        assert store.chat_state(HERE).latest_turn_id == two

    def test_a_failed_second_try_leaves_the_answer_that_was_there(self, store):
        one = said(store, "one", "1")

        said(store, "one, edited", None, replaces_id=one)

        assert store.history(one) == (PastTurn(one, "one", "1"),)

    def test_a_second_try_that_succeeds_after_a_failure_becomes_the_head(self, store):
        failed = said(store, "one", None)

        said(store, "one", "1", replaces_id=failed)

        assert store.chat_state(HERE).latest_turn_id == failed

    def test_a_turn_is_found_by_its_question_and_by_each_message_of_its_answer(self, store):
        number = store.finish(None, [outgoing("Yes.")], answered("tea?", "Yes."))
        id_, out, _ = store.next_out(HERE)
        store.sent(id_, out, [70, 71])

        assert [store.turn_of(HERE, message).turn_id for message in (5, 70, 71)] == [number] * 3
        assert store.turn_of(HERE, 72) is None
        assert store.turn_of(ELSEWHERE, 70) is None
        assert store.shown_message_ids(number) == [70, 71]

    def test_what_a_place_is_set_to_is_kept(self, store):
        fresh = store.chat_state(ELSEWHERE)
        store.set_chat_state(ELSEWHERE, ChatState(None, vv=True, model="together"))

        assert fresh == ChatState()
        assert store.chat_state(ELSEWHERE) == ChatState(None, vv=True, model="together")
        assert store.chat_state(HERE) == ChatState()

    def test_an_answer_changes_the_head_and_nothing_else(self, store):
        store.set_chat_state(HERE, ChatState(None, vv=True, model="together"))
        number = said(store, "tea?")

        assert store.chat_state(HERE) == ChatState(number, vv=True, model="together")


class TestTheOutbox:
    def test_each_place_gets_its_messages_in_order(self, store):
        store.enqueue(outgoing("1"), outgoing("other", ELSEWHERE), outgoing("2"))
        store.enqueue(outgoing("3"))

        texts = []
        while found := store.next_out(HERE):
            texts.append(found[1].content.text)
            store.sent(found[0], found[1])

        assert texts == ["1", "2", "3"]
        assert store.undelivered() == [ELSEWHERE]

    def test_a_message_comes_back_as_it_went_in(self, store):
        message = OutgoingMessage(
            chat=ELSEWHERE,
            content=FormattedText(
                "Tea 🍵", (Entity("bold", 0, 3), Entity("text_link", 4, 2, url="u"))
            ),
            buttons=(Button("Longer", "longer:1"),),
            reply_to_id=5,
            edit_message_id=6,
            silent=True,
            rich_markdown="| a |",
            turn_id=9,
            files=(File("a.py", b"\0\xff"), File("b.png", b"", is_photo=True)),
        )
        store.enqueue(message)

        assert store.next_out(ELSEWHERE)[1] == message

    def test_the_smallest_message_comes_back_too(self, store):
        store.enqueue(OutgoingMessage(HERE, edit_message_id=6, delete=True))

        assert store.next_out(HERE)[1] == OutgoingMessage(HERE, edit_message_id=6, delete=True)

    def test_how_often_it_may_have_been_sent_is_kept(self, store):
        store.enqueue(outgoing("1"))
        number, _, tries = store.next_out(HERE)
        store.sending(number, 2)

        assert (tries, store.next_out(HERE)[2]) == (0, 2)

    def test_files_go_with_their_message(self, store):
        store.enqueue(outgoing("1", files=(File("a", b"x"),)))
        number, out, _ = store.next_out(HERE)
        store.sent(number, out)

        assert store._read("SELECT * FROM files") == []

    def test_a_message_that_was_taken_away_shows_nothing_any_more(self, store):
        number = store.finish(None, [outgoing("Yes.")], answered("tea?", "Yes."))
        id_, out, _ = store.next_out(HERE)
        store.sent(id_, out, [70])
        store.enqueue(OutgoingMessage(HERE, edit_message_id=70, delete=True))
        id_, out, _ = store.next_out(HERE)
        store.sent(id_, out)

        assert store.shown_message_ids(number) == []


class TestPeopleAndMoney:
    def test_owners_come_first_and_people_can_go(self, store):
        store.admit(Person(1, "Zoe", is_owner=False))
        store.admit(Person(2, "Bert", is_owner=True), [outgoing("Welcome.")])
        store.admit(Person(1, "Zoë", is_owner=False))
        store.admit(Person(3, "Eve", is_owner=False))
        store.dismiss(3)

        assert [each.name for each in store.people()] == ["Bert", "Zoë"]
        assert store.next_out(HERE) is not None

    def test_groups_come_and_go(self, store):
        store.set_group(-1, "Family")
        store.set_group(-2, "Work")
        store.set_group(-1, "The family")
        store.set_group(-2, None)

        assert store.groups() == {-1: "The family"}

    def test_money_is_summed_exactly_from_a_moment_on(self, store, clock):
        ref = ModelRef("together", "m")
        began = clock()
        for usd in ("0.1", "0.2", None):
            spent = None if usd is None else Decimal(usd)
            store.enter(Expense(42, ref, None, spent))
            clock.pass_seconds(10)

        assert store.spent(began) == Decimal("0.3")
        assert store.spent(began + 5) == Decimal("0.2")
        assert store.spent(began + 100) == 0
