"""What must outlive the process does, whole or not at all."""

import os
import sqlite3
from dataclasses import replace
from decimal import Decimal

import pytest

from ambrosio.bot.callback_data import encode
from ambrosio.core.context_window import PastTurn
from ambrosio.core.costs import Expense
from ambrosio.core.errors import DatabaseVersion, NotStorable, StoreFailed
from ambrosio.core.messages import (
    Button,
    Chat,
    Delete,
    Entity,
    File,
    FormattedText,
    ModelRef,
    OutgoingMessage,
    Turn,
)
from ambrosio.store import ChatState, Lane, NewUpdate, Person, Store, TurnResult
from ambrosio.store.schema import MIGRATIONS

from ..support.erasing import forget_person

HERE, ELSEWHERE = Chat(42), Chat(-100, 7)
LANE = Lane(HERE)
BOT = 1
DAY = 86_400


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "ambrosio.db"


def received(number, *, message=5, lane=LANE, body="{}"):
    return NewUpdate(number, lane.chat, message, body, urgent=lane.urgent)


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
    names = store.database.connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table'"
    ).fetchall()
    return {
        name: [tuple(row) for row in store.database.connection.execute(f"SELECT * FROM {name}")]
        for (name,) in names
        if name != "sqlite_sequence"
    }


class TestTheFile:
    def test_all_is_there_when_it_is_opened_again(self, path, clock):
        with Store(path, now=clock) as store:
            store.inbox.receive(BOT, 8, [received(7, body="one")])
            said(store, "tea?")
            store.outbox.enqueue(outgoing("Tea."))
            store.admit(Person(43, "Bert", is_owner=False))
            store.people.set_group(-100, "Family")
            before = everything(store)

        with Store(path, now=clock) as store:
            assert everything(store) == before
            assert store.inbox.offset(BOT) == 8
            row = store.inbox.claim(LANE)
            assert row
            assert row.body == "one"
            assert questions(
                store.conversations.history(store.chats.state(HERE).latest_turn_id)
            ) == ["tea?"]
            assert store.people.all() == [Person(43, "Bert", is_owner=False)]
            assert store.people.groups() == {-100: "Family"}

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
            assert store.database.read("PRAGMA user_version")[0][0] == len(MIGRATIONS)

        with Store(path, now=clock) as store:
            assert store.database.read("PRAGMA user_version")[0][0] == len(MIGRATIONS)
            assert store.conversations.turn(1) is not None

    def test_an_older_file_is_brought_up_to_date_step_by_step(self, path, clock, monkeypatch):
        more = (*MIGRATIONS, "CREATE TABLE later (id INTEGER); INSERT INTO later VALUES (1);")
        with Store(path, now=clock) as store:
            said(store, "tea?")
        monkeypatch.setattr("ambrosio.store.schema.MIGRATIONS", more)

        for _ in range(2):
            with Store(path, now=clock) as store:
                assert len(store.database.read("SELECT * FROM later")) == 1
                assert store.conversations.turn(1) is not None

    def test_a_migration_that_fails_changes_nothing(self, path, clock, monkeypatch):
        more = (*MIGRATIONS, "CREATE TABLE later (id INTEGER); INSERT INTO nowhere VALUES (1);")
        with Store(path, now=clock) as store:
            said(store, "tea?")
        with monkeypatch.context() as patched:
            patched.setattr("ambrosio.store.schema.MIGRATIONS", more)
            with pytest.raises(StoreFailed), Store(path, now=clock):
                pass

        with Store(path, now=clock) as store:
            assert "later" not in everything(store)
            assert store.conversations.turn(1) is not None

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
                store.conversations.history(50)
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
            store.database.connection.execute("PRAGMA busy_timeout = 1")
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")

            with pytest.raises(StoreFailed):
                store.outbox.enqueue(outgoing("Tea."))

            other.close()
            store.outbox.enqueue(outgoing("Tea."))


@pytest.mark.parametrize(
    "change",
    [
        lambda db: db.execute("PRAGMA query_only = ON"),
        lambda db: db.execute(
            f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}"
        ),
    ],
)
def test_a_disk_that_takes_nothing_now_may_take_it_later(tmp_path, clock, change):
    with Store(tmp_path / "ambrosio.db", now=clock) as store:
        change(store.database.connection)
        with pytest.raises(StoreFailed):
            said(store, "tea? " * 10_000)


@pytest.mark.parametrize(
    ("model", "at"), [("half \ud83d", 1), ("whole", 2**63), ([], 1), ("x", {}), ("x", object())]
)
def test_a_value_that_is_refused_is_not_the_disks_fault(store, model, at):
    turn = replace(answered("q", "a"), ref=ModelRef("p", model), first_turn_id=at)

    with pytest.raises(NotStorable):
        store.finish(None, (), turn)


@pytest.mark.parametrize(
    "mark", [f"user_version = {len(MIGRATIONS) + 1}", "application_id = 7"], ids=["newer", "other"]
)
def test_a_database_of_another_version_is_refused_and_left_alone(tmp_path, clock, mark):
    path = tmp_path / "ambrosio.db"
    with Store(path, now=clock) as store:
        store.database.connection.execute(f"PRAGMA {mark}")

    before = path.read_bytes()
    with pytest.raises(DatabaseVersion), Store(path, now=clock):
        pass
    assert path.read_bytes() == before


class TestAnUpgrade:
    """From this version to one with another migration, and back."""

    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "ambrosio.db"

    @pytest.fixture
    def upgraded(self, path, clock, monkeypatch):
        with Store(path, now=clock) as store:
            said(store, "from before")
        more = (*MIGRATIONS, "CREATE TABLE later (id INTEGER);")
        monkeypatch.setattr("ambrosio.store.schema.MIGRATIONS", more)
        with Store(path, now=clock) as store:
            said(store, "from after")
        return path.with_name(f"ambrosio.db.v{len(MIGRATIONS)}")

    def test_keeps_a_copy_to_go_back_to(self, path, clock, monkeypatch, upgraded):
        monkeypatch.undo()
        assert upgraded.stat().st_mode & 0o777 == 0o600
        with pytest.raises(DatabaseVersion) as refused, Store(path, now=clock):
            pass
        assert str(upgraded) in refused.value.owner_message

        for leftover in path.parent.glob("ambrosio.db-*"):
            leftover.unlink()
        upgraded.replace(path)
        with Store(path, now=clock) as store:
            assert [hit.quote for hit in store.turn_search.find("from", user_id=42)] == [
                "from before"
            ]

    def test_has_no_copy_of_what_was_forgotten(self, path, clock, upgraded):
        with Store(path, now=clock) as store:
            forget_person(store, 42)

        assert not upgraded.exists()
        assert not [it for it in path.parent.iterdir() if b"from before" in it.read_bytes()]

    def test_without_room_for_a_copy_changes_nothing(self, path, clock, monkeypatch):
        with Store(path, now=clock) as store:
            said(store, "from before")
        more = (*MIGRATIONS, "CREATE TABLE later (id INTEGER);")
        monkeypatch.setattr("ambrosio.store.schema.MIGRATIONS", more)
        # In the place of the copy stands something that cannot be written over.
        path.with_name(f"ambrosio.db.v{len(MIGRATIONS)}").mkdir()
        with pytest.raises(StoreFailed), Store(path, now=clock):
            pass

        monkeypatch.undo()
        with Store(path, now=clock) as store:
            assert "later" not in everything(store)


class TestTheInbox:
    def test_an_update_is_kept_once(self, store):
        store.inbox.receive(BOT, 8, [received(7, body="first")])
        store.inbox.receive(BOT, 8, [received(7, body="again"), received(8)])
        store.inbox.receive(BOT + 1, 8, [received(7, body="another bot's")])

        bodies = [row[0] for row in store.database.read("SELECT body FROM inbox ORDER BY id")]
        assert bodies == ["first", "{}", "another bot's"]

    def test_an_update_that_is_done_is_not_taken_up_again(self, store):
        store.inbox.receive(BOT, 8, [received(7)])
        store.finish(store.inbox.claim(LANE))
        store.inbox.receive(BOT, 8, [received(7)])

        assert store.inbox.waiting() == 0
        assert store.inbox.claim(LANE) is None

    def test_each_bot_has_its_own_offset(self, store):
        store.inbox.receive(BOT, 8, [])
        store.inbox.receive(BOT + 1, 3, [])
        store.inbox.receive(BOT, 5, [])

        assert [store.inbox.offset(bot) for bot in (BOT, BOT + 1, BOT + 2)] == [5, 3, None]

    def test_a_lane_is_worked_down_in_order(self, store):
        store.inbox.receive(BOT, 10, [received(9), received(3), received(4, lane=Lane(ELSEWHERE))])

        assert set(store.inbox.lanes()) == {Lane(ELSEWHERE), LANE}
        first = store.inbox.claim(LANE)
        store.finish(first)
        second = store.inbox.claim(LANE)
        assert first.inbox_id < second.inbox_id
        assert store.inbox.claim(Lane(ELSEWHERE)).chat == ELSEWHERE

    def test_an_attempt_is_counted_before_it_is_made(self, store):
        store.inbox.receive(BOT, 8, [received(7)])

        attempts = [store.inbox.claim(LANE).attempts for _ in range(3)]

        assert attempts == [1, 2, 3]

    def test_an_attempt_that_is_given_back_does_not_count(self, store):
        store.inbox.receive(BOT, 8, [received(7)])
        store.inbox.release(store.inbox.claim(LANE))

        assert store.inbox.claim(LANE).attempts == 1

    def test_what_is_set_aside_blocks_nothing_and_stays_to_be_looked_at(self, store):
        store.inbox.receive(BOT, 9, [received(7, body="poison"), received(8)])
        store.dead_letter(store.inbox.claim(LANE), "ValueError", [outgoing("Sorry.")])

        assert store.inbox.claim(LANE).inbox_id == 2
        row = store.database.read("SELECT state, error, body FROM inbox WHERE id = 1")[0]
        assert tuple(row) == ("dead", "ValueError", "poison")
        assert store.outbox.next_message(HERE)[1].content.text == "Sorry."

    def test_finished_updates_go_after_two_days_and_new_ones_never(self, store, clock):
        store.inbox.receive(BOT, 10, [received(7), received(8), received(9)])
        store.finish(store.inbox.claim(LANE))
        store.dead_letter(store.inbox.claim(LANE), "error")

        clock.pass_seconds(2 * DAY - 1)
        store.inbox.receive(BOT, 10, [])
        early = len(store.database.read("SELECT * FROM inbox"))
        clock.pass_seconds(2)
        store.inbox.receive(BOT, 10, [])

        left = [row["update_id"] for row in store.database.read("SELECT * FROM inbox")]
        assert (early, left) == (3, [9])

    def test_a_number_may_come_again_after_it_was_forgotten(self, store, clock):
        store.inbox.receive(BOT, 8, [received(7)])
        store.finish(store.inbox.claim(LANE))

        clock.pass_seconds(2 * DAY + 1)
        store.inbox.receive(BOT, 8, [received(7, body="new")])

        assert store.inbox.claim(LANE).body == "new"

    def test_words_are_not_kept_longer_than_needed(self, store):
        store.inbox.receive(BOT, 8, [received(7, body="secret")])
        store.finish(store.inbox.claim(LANE))

        assert store.database.read("SELECT body FROM inbox")[0]["body"] == ""

    def test_an_edit_that_waits_behind_is_seen(self, store):
        store.inbox.receive(BOT, 9, [received(7, message=5), received(8, message=6)])
        row = store.inbox.claim(LANE)
        before = store.inbox.superseded(row)
        store.inbox.receive(BOT, 10, [received(9, message=5)])

        assert (before, store.inbox.superseded(row)) == (False, True)

    def test_an_urgent_update_may_move_to_the_ordinary_lane(self, store):
        urgent = Lane(HERE, urgent=True)
        store.inbox.receive(BOT, 8, [received(7, lane=urgent)])
        store.inbox.make_ordinary(store.inbox.claim(urgent))

        assert store.inbox.claim(urgent) is None
        assert store.inbox.claim(LANE).attempts == 1

    def test_a_preview_that_was_left_is_remembered(self, store):
        store.inbox.receive(BOT, 8, [received(7)])
        store.record_draft(store.inbox.claim(LANE), 99)

        assert store.inbox.claim(LANE).draft_message_id == 99

    def test_a_preview_that_arrives_after_the_answer_is_stored_is_deleted(self, store):
        store.inbox.receive(BOT, 8, [received(7)])
        item = store.inbox.claim(LANE)
        store.finish(item)
        store.record_draft(item, 99)

        assert store.outbox.next_message(HERE)[1] == Delete(HERE, 99)


class TestFinish:
    def test_all_of_it_happens(self, store):
        store.inbox.receive(BOT, 8, [received(7)])
        row = store.inbox.claim(LANE)

        number = store.finish(row, [outgoing("Yes."), outgoing("And no.")], answered("q", "a"))

        assert store.conversations.turn(number).answer == "a"
        assert store.chats.state(HERE).latest_turn_id == number
        assert store.outbox.next_message(HERE)[1].content.text == "Yes."
        assert store.inbox.waiting() == 0

    @pytest.mark.parametrize("last", ["inbox", "outbox", "chats"])
    def test_or_nothing(self, store, last):
        store.inbox.receive(BOT, 8, [received(7)])
        row = store.inbox.claim(LANE)
        event = "UPDATE" if last == "inbox" else "INSERT"
        store.database.connection.execute(
            f"CREATE TEMP TRIGGER full BEFORE {event} ON main.{last}"
            " BEGIN SELECT RAISE (ABORT, 'no room'); END"
        )
        before = everything(store)

        with pytest.raises(NotStorable):
            store.finish(row, [outgoing("Yes.")], answered("q", "a"))

        assert everything(store) == before
        store.database.connection.execute("DROP TRIGGER full")
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
        button = Button("Longer", "longer", with_turn=True)
        reply = outgoing("Yes.", buttons=(button,))

        number = store.finish(None, [reply], answered("q", "a"))

        out = store.outbox.next_message(HERE)[1]
        assert out.turn_id == number
        assert encode(out.buttons[0], out.turn_id) == f"longer:{number}"


class TestHistory:
    def test_it_leads_from_turn_to_turn(self, store):
        one = said(store, "one", "1")
        two = said(store, "two", "2", parent_id=one, start=one, concise=True)

        assert store.conversations.history(two) == (
            PastTurn(one, "one", "1"),
            PastTurn(two, "two", "2", concise=True),
        )
        assert store.conversations.history(one) == (PastTurn(one, "one", "1"),)
        assert store.conversations.history(None) == ()
        assert store.conversations.history(999) == ()

    def test_a_turn_that_was_shown_nothing_of_the_past_begins_anew(self, store):
        one = said(store, "one")
        two = said(store, "two", parent_id=one)

        assert questions(store.conversations.history(two)) == ["two"]

    def test_branches_do_not_meet(self, store):
        one = said(store, "one")
        two = said(store, "two", parent_id=one, start=one)
        three = said(store, "three", parent_id=two, start=one)
        other = said(store, "other two", parent_id=one, start=one)

        assert questions(store.conversations.history(three)) == ["one", "two", "three"]
        assert questions(store.conversations.history(other)) == ["one", "other two"]

    def test_a_failed_turn_leaves_no_trace(self, store):
        one = said(store, "one")
        failed = said(store, "failed", None, parent_id=one, start=one)
        two = said(store, "two", parent_id=failed, start=one)

        assert questions(store.conversations.history(two)) == ["one", "two"]
        assert store.conversations.turn(failed).answer is None
        assert store.chats.state(HERE).latest_turn_id == two

    def test_a_failed_turn_does_not_become_the_head(self, store):
        one = said(store, "one")
        said(store, "failed", None, parent_id=one, start=one)

        assert store.chats.state(HERE).latest_turn_id == one

    def test_it_goes_on_from_where_it_was_cut(self, store):
        one = said(store, "one")
        two = said(store, "two", parent_id=one, start=one)
        three = said(store, "three", parent_id=two, start=one)
        four = said(store, "four", parent_id=three, start=three)
        five = said(store, "five", parent_id=four, start=three)

        assert questions(store.conversations.history(four)) == ["three", "four"]
        assert questions(store.conversations.history(five)) == ["three", "four", "five"]
        assert questions(store.conversations.history(three)) == ["one", "two", "three"]

    def test_an_answer_takes_the_place_of_the_one_it_replaces(self, store):
        one = said(store, "one", "1")
        two = said(store, "two", "2", parent_id=one, start=one)

        again = said(store, "one, edited", "1b", replaces_id=one)

        assert again == one
        assert store.conversations.history(two) == (
            PastTurn(one, "one, edited", "1b"),
            PastTurn(two, "two", "2"),
        )
        assert store.chats.state(HERE).latest_turn_id == two

    def test_a_failed_second_try_leaves_the_answer_that_was_there(self, store):
        one = said(store, "one", "1")

        said(store, "one, edited", None, replaces_id=one)

        assert store.conversations.history(one) == (PastTurn(one, "one", "1"),)

    def test_a_second_try_that_succeeds_after_a_failure_becomes_the_head(self, store):
        failed = said(store, "one", None)

        said(store, "one", "1", replaces_id=failed)

        assert store.chats.state(HERE).latest_turn_id == failed

    def test_a_turn_is_found_by_its_question_and_by_each_message_of_its_answer(self, store):
        number = store.finish(None, [outgoing("Yes.")], answered("tea?", "Yes."))
        id_, out, _ = store.outbox.next_message(HERE)
        store.record_sent(id_, out, [70, 71])

        assert [store.conversations.turn_of(HERE, message).turn_id for message in (5, 70, 71)] == [
            number
        ] * 3
        assert store.conversations.turn_of(HERE, 72) is None
        assert store.conversations.turn_of(ELSEWHERE, 70) is None
        assert store.conversations.answer_message_ids(number) == [70, 71]

    def test_what_a_place_is_set_to_is_kept(self, store):
        fresh = store.chats.state(ELSEWHERE)
        store.chats.set_state(ELSEWHERE, ChatState(None, vv=True, model="together"))

        assert fresh == ChatState()
        assert store.chats.state(ELSEWHERE) == ChatState(None, vv=True, model="together")
        assert store.chats.state(HERE) == ChatState()

    def test_an_answer_changes_the_head_and_nothing_else(self, store):
        store.chats.set_state(HERE, ChatState(None, vv=True, model="together"))
        number = said(store, "tea?")

        assert store.chats.state(HERE) == ChatState(number, vv=True, model="together")


class TestTheOutbox:
    def test_each_place_gets_its_messages_in_order(self, store):
        store.outbox.enqueue(outgoing("1"), outgoing("other", ELSEWHERE), outgoing("2"))
        store.outbox.enqueue(outgoing("3"))

        texts = []
        while found := store.outbox.next_message(HERE):
            texts.append(found[1].content.text)
            store.record_sent(found[0], found[1])

        assert texts == ["1", "2", "3"]
        assert store.outbox.undelivered() == [ELSEWHERE]

    def test_a_message_comes_back_as_it_went_in(self, store):
        message = OutgoingMessage(
            chat=ELSEWHERE,
            content=FormattedText(
                "Tea 🍵", (Entity("bold", 0, 3), Entity("text_link", 4, 2, url="u"))
            ),
            buttons=(Button("Longer", "longer", "1"),),
            reply_to_id=5,
            edit_message_id=6,
            silent=True,
            rich_markdown="| a |",
            turn_id=9,
            files=(File("a.py", b"\0\xff"), File("b.png", b"", is_photo=True)),
        )
        store.outbox.enqueue(message)

        assert store.outbox.next_message(ELSEWHERE)[1] == message

    def test_the_smallest_message_comes_back_too(self, store):
        store.outbox.enqueue(Delete(HERE, 6))

        assert store.outbox.next_message(HERE)[1] == Delete(HERE, 6)

    def test_how_often_it_may_have_been_sent_is_kept(self, store):
        store.outbox.enqueue(outgoing("1"))
        number, _, tries = store.outbox.next_message(HERE)
        store.outbox.record_try(number, 2)

        assert (tries, store.outbox.next_message(HERE)[2]) == (0, 2)

    def test_files_go_with_their_message(self, store):
        store.outbox.enqueue(outgoing("1", files=(File("a", b"x"),)))
        number, out, _ = store.outbox.next_message(HERE)
        store.record_sent(number, out)

        assert store.database.read("SELECT * FROM files") == []

    def test_a_message_that_was_taken_away_shows_nothing_any_more(self, store):
        number = store.finish(None, [outgoing("Yes.")], answered("tea?", "Yes."))
        id_, out, _ = store.outbox.next_message(HERE)
        store.record_sent(id_, out, [70])
        store.outbox.enqueue(Delete(HERE, 70))
        id_, out, _ = store.outbox.next_message(HERE)
        store.record_sent(id_, out)

        assert store.conversations.answer_message_ids(number) == []


class TestPeopleAndMoney:
    def test_owners_come_first_and_people_can_go(self, store):
        store.admit(Person(1, "Zoe", is_owner=False))
        store.admit(Person(2, "Bert", is_owner=True), [outgoing("Welcome.")])
        store.admit(Person(1, "Zoë", is_owner=False))
        store.admit(Person(3, "Eve", is_owner=False))
        store.people.remove(3)

        assert [each.name for each in store.people.all()] == ["Bert", "Zoë"]
        assert store.outbox.next_message(HERE) is not None

    def test_groups_come_and_go(self, store):
        store.people.set_group(-1, "Family")
        store.people.set_group(-2, "Work")
        store.people.set_group(-1, "The family")
        store.people.set_group(-2, None)

        assert store.people.groups() == {-1: "The family"}

    def test_money_is_summed_exactly_from_a_moment_on(self, store, clock):
        ref = ModelRef("together", "m")
        began = clock()
        for usd in ("0.1", "0.2", None):
            spent = None if usd is None else Decimal(usd)
            store.ledger.enter(Expense(42, ref, None, spent))
            clock.pass_seconds(10)

        assert store.ledger.spent(began) == Decimal("0.3")
        assert store.ledger.spent(began + 5) == Decimal("0.2")
        assert store.ledger.spent(began + 100) == 0
