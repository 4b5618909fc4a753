"""What was said can be found, taken along and forgotten, and nothing of it is left behind."""

import asyncio
import io
import json
import logging
import sqlite3
import stat
from contextlib import contextmanager, redirect_stderr
from datetime import datetime
from decimal import Decimal

import pytest
from click.testing import CliRunner

from ambrosio.cli.main import main
from ambrosio.config import logs
from ambrosio.core.costs import Expense
from ambrosio.core.messages import Chat, ModelRef, Turn
from ambrosio.core.reminders import Rule
from ambrosio.core.sound import Transcript
from ambrosio.emulators.model_server.server import ErrorStatus, Holds, Says
from ambrosio.store import ChatState, NewUpdate, Person, RecordingKey, Reminder, Store, TurnResult

from ..support.erasing import expire, forget_chat, forget_person
from ..support.running_bot import OWNER, never_wakes, running_bot

SECRET = "xylophone"
ANSWER = "quagga"


def kept(store, question, answer, *, person=OWNER, chat=OWNER, message=1, parent=None):
    turn = Turn(Chat(chat), message, person, question, parent_id=parent)
    return store.finish(None, result=TurnResult(turn, answer))


def files(folder):
    """Read every byte that the database has on the disk."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("ambrosio.db*")))


class TestSearch:
    @pytest.mark.parametrize(
        ("words", "messages"),
        [
            ("basmati", [1]),
            ("BASMATI rice", [1]),
            ("basm", [1]),
            ("Crème", [2]),
            ("creme brulee", [2]),
            ("basmati brulee", []),
            ('"', []),
            ("NEAR( OR -", []),
            ("*", []),
            ("rice' --", [1]),
            ("ben", []),
        ],
    )
    def test_words_are_found_as_people_write_them(self, store, words, messages):
        kept(store, "jasmin or basmati?", "Basmati rice.", message=1)
        kept(store, "a dessert?", "Crème brûlée.", message=2)
        kept(store, "basmati, said Ben", "Rice.", person=43, chat=43, message=3)

        assert [
            each.message_id for each in store.turn_search.find(words, user_id=OWNER)
        ] == messages

    def test_an_answer_that_was_replaced_is_no_longer_found(self, store):
        turn = kept(store, "animal?", ANSWER)
        again = Turn(Chat(OWNER), 1, OWNER, "animal?", replaces_id=turn)
        store.finish(None, result=TurnResult(again, "zebra"))

        assert store.turn_search.find(ANSWER, user_id=OWNER) == []
        assert store.turn_search.find("zebra", user_id=OWNER)

    @pytest.mark.usefixtures("life")
    async def test_a_result_replies_to_the_question_and_can_be_gone_on_from(self, anna, model):
        model.script(Says("Basmati."), Says("Rain."))
        asked = await anna.say("rice with falafel?")
        await anna.wait_text("Basmati.")
        await anna.say("weather?")
        await anna.wait_text("Rain.")
        await anna.say("/search falafel")
        found = await anna.wait_answer()

        assert "rice with falafel?" in found.text
        assert found.reply_to == asked
        await anna.press("Continue from here")
        await anna.say("how long to cook it?")
        await model.wait_for(lambda: len(model.requests) == 3)
        said = [text for _, text in model.requests[2].messages[1:]]
        assert said == ["rice with falafel?", "Basmati.", "how long to cook it?"]

    async def test_a_passage_is_shown_without_the_marks_that_its_cut_would_break(
        self, anna, model, life
    ):
        model.script(Says("# Rice\n\n| kind | with |\n|---|---|\n| **basmati** | falafel |"))
        await anna.say("a table")
        await life.settled()
        await anna.say("/search basmati")
        found = await anna.wait_text("Rice kind")

        assert found.text.endswith("\n\nRice kind with basmati falafel")

    async def test_nobody_finds_what_others_have_said(self, anna, api, life):
        ben = api.person(43, "Ben").private()
        life.store.admit(Person(43, "Ben", is_owner=False))
        await anna.say(f"the {SECRET}")
        await anna.wait_answer()
        await ben.say(f"/search {SECRET}")

        assert SECRET not in (await ben.wait_answer()).text


class TestExport:
    @pytest.mark.usefixtures("life")
    async def test_the_conversation_comes_as_markdown_and_as_json(self, anna, api, model):
        model.script(Says("**Basmati.**"), Says("12 minutes."))
        await anna.say("rice?\nwith falafel")
        await anna.wait_answer()
        await anna.say("how long?")
        await anna.wait_answer()
        await anna.say("/export")
        first = await anna.wait_answer()
        await api.wait_for(lambda: len([x for x in anna.answers if x.document]) == 2)

        sent = [message for message in anna.chat.messages.values() if "document" in message]
        contents = [api.state.files.get(it["document"]["file_id"]).content for it in sent]
        text, packed = contents[0].decode(), json.loads(contents[1])
        assert "2 questions" in first.text
        assert "> rice?\n> with falafel\n\n**Basmati.**" in text
        assert "*llama/" in text
        assert [each["question"] for each in packed["messages"]] == [
            "rice?\nwith falafel",
            "how long?",
        ]

    @pytest.mark.usefixtures("life")
    async def test_without_a_conversation_there_is_nothing_to_export(self, anna):
        await anna.say("/export")

        assert "nothing to export" in (await anna.wait_answer()).text


class TestForgetting:
    async def test_here_leaves_nothing_of_it_in_the_files(self, anna, model, life, tmp_path):
        model.script(Says(f"A {ANSWER}."), Says("Fine."))
        await anna.say(f"what hears a {SECRET}?")
        await anna.wait_answer()
        await life.settled()
        before = files(tmp_path)
        await anna.say("/forget")
        await anna.wait_answer()
        await anna.press("This chat")
        told = await anna.wait_text("Deleted 1 question")
        await life.settled()

        assert SECRET.encode() in before
        assert ANSWER.encode() in before
        assert "from this chat" in told.text
        assert SECRET.encode() not in files(tmp_path)
        assert ANSWER.encode() not in files(tmp_path)
        await anna.say("go on")
        await anna.wait_text("Fine.")
        assert len(model.requests[-1].messages) == 2

    async def test_a_bot_that_died_meanwhile_ends_it_and_says_so(
        self, api, telegram_url, model_url, anna, tmp_path, clock
    ):
        with Store(tmp_path / "ambrosio.db", now=clock) as store:
            kept(store, SECRET, ANSWER)
            store.erasing.begin_person(OWNER, Chat(OWNER))
        assert SECRET.encode() in files(tmp_path)
        async with running_bot(api, telegram_url, tmp_path, llama_base_url=model_url) as life:
            told = await anna.wait_text("Deleted")
            await life.settled()

            assert told.text == "Deleted 1 question and its answer, from all chats."
            assert SECRET.encode() not in files(tmp_path)

    async def test_nothing_is_forgotten_before_the_button_is_pressed(self, anna, life):
        await anna.say(f"the {SECRET}")
        await anna.wait_answer()
        await anna.say("/forget")
        await anna.wait_answer()
        await anna.press("Cancel")
        await life.settled()

        assert life.store.turn_search.find(SECRET, user_id=OWNER)

    async def test_everything_is_all_of_one_person_and_nothing_of_another(self, tmp_path, clock):
        ref = ModelRef("together", "m")
        with Store(tmp_path / "ambrosio.db", now=clock) as store:
            kept(store, f"in private: {SECRET}", ANSWER)
            own = kept(store, f"in the group: {SECRET}", ANSWER, chat=-1001, message=5)
            kept(store, "and I?", "Yes.", person=43, chat=-1001, message=6, parent=own)
            store.ledger.enter(Expense(OWNER, ref, None, Decimal(1)))
            store.ledger.enter(Expense(43, ref, None, Decimal(2)))
            count = forget_person(store, OWNER)

            assert count == 2
            assert store.turn_search.find("group", user_id=OWNER) == []
            assert [each.question for each in store.archive.conversation(3)] == ["and I?"]
            assert store.ledger.spent(0) == 3
            assert store.ledger.spent(0, OWNER) == 0
            assert store.ledger.spent(0, 43) == 2
            assert SECRET.encode() not in files(tmp_path)
            assert ANSWER.encode() not in files(tmp_path)
            assert b"and I?" in files(tmp_path)

    def test_reminders_facts_and_the_zone_are_forgotten_with_the_person(self, tmp_path, clock):
        rule = Rule(datetime(2027, 1, 15, 9), "Europe/Berlin")  # noqa: DTZ001  local time
        with Store(tmp_path / "ambrosio.db", now=clock) as store:
            for number, (person, word) in enumerate([(OWNER, SECRET), (43, ANSWER)]):
                store.reminders.add(
                    Reminder(Chat(-1001), number, person, f"{word} tea", rule, clock())
                )
                store.facts.add(person, f"likes {word}", message_id=number, local_only=False)
                store.facts.set_zone(person, "Europe/Berlin")
            forget_person(store, OWNER)

            assert SECRET.encode() not in files(tmp_path)
            assert store.facts.zone(OWNER) is None
            assert store.facts.zone(43) == "Europe/Berlin"
            assert len(store.facts.all(43)) == len(store.reminders.due(clock(), 9)) == 1

    @pytest.mark.parametrize("how", ["chat", "person", "expire"])
    def test_what_was_heard_leaves_no_byte(self, tmp_path, clock, how):
        with Store(tmp_path / "ambrosio.db", now=clock) as store:
            for person, word in ((OWNER, SECRET), (43, ANSWER)):
                recording = RecordingKey(Chat(person), 1, person, "file")
                store.transcripts.keep(recording, Transcript(f"the {word}"))
                store.transcripts.keep_piece(recording, Transcript(f"{word} again"), 0)
                # Another one failed, and its message is kept for Retry.
                update = NewUpdate(person, Chat(person), 2, f'"caption {word}"')
                store.inbox.receive(1, person + 1, [update])
                failed = TurnResult(Turn(Chat(person), 2, person, ""), None)
                store.finish(store.inbox.claim(update.lane), result=failed, keeps_message=True)
                assert store.conversations.parts(Chat(person), 2)[1]
                clock.pass_seconds(100)
            if how == "chat":
                forget_chat(store, Chat(OWNER))
            elif how == "person":
                forget_person(store, OWNER)
            else:
                expire(store, clock() - 150)

            assert SECRET.encode() not in files(tmp_path)
            assert ANSWER.encode() in files(tmp_path)
            assert store.transcripts.speaker(Chat(OWNER), 1) is None
            assert store.conversations.parts(Chat(OWNER), 2)[1] == {}
            assert store.transcripts.speaker(Chat(43), 1) == 43

    async def test_here_takes_the_reminders_of_the_chat_along(
        self, api, telegram_url, model_url, anna, tmp_path, clock
    ):
        given = {"llama_base_url": model_url}
        rule = Rule(datetime(2037, 1, 15, 9), "Europe/Berlin")  # noqa: DTZ001  local time
        async with running_bot(api, telegram_url, tmp_path, sleep=never_wakes, **given) as life:
            due_at = clock() + 86_400
            life.store.reminders.add(Reminder(Chat(OWNER), 900, OWNER, SECRET, rule, due_at))
            await anna.say("/forget")
            await anna.wait_text("What should I delete?")
            await anna.press("This chat")
            await anna.wait_text("Deleted 0 questions")
            await life.settled()

            assert life.store.reminders.waiting(Chat(OWNER), OWNER) == []
            assert SECRET.encode() not in files(tmp_path)

    def test_what_was_private_stays_so_when_it_is_forgotten(self, store):
        here, elsewhere = Chat(OWNER), Chat(-1001)
        for place in (here, elsewhere):
            store.chats.set_state(place, ChatState(local_only=True, vv=True))
        store.conversations.mark_local_only(here, 1)
        kept(store, SECRET, ANSWER)
        forget_person(store, OWNER)

        assert store.conversations.is_local_only(here, 1)
        assert store.chats.state(here).local_only
        assert store.chats.state(here).latest_turn_id is None
        assert store.chats.state(elsewhere).local_only

    def test_who_was_asked_at_a_place_is_forgotten_with_it(self, store):
        here, elsewhere = Chat(OWNER), Chat(-1001)
        ref = ModelRef("together", "m")
        for place in (here, elsewhere):
            turn = Turn(place, 1, OWNER, "rice?")
            store.chats.record_request(turn.chat, ref.provider)
            store.finish(None, result=TurnResult(turn, ANSWER, ref=ref))
        forget_chat(store, here)

        assert store.chats.visits(here) == []
        assert store.chats.visits(elsewhere)

    async def test_what_is_set_aside_is_forgotten_too(self, anna, api, life, tmp_path):
        message = {"message_id": 900, "chat": {"id": OWNER, "type": "private"}}
        sender = {"id": OWNER, "is_bot": False, "first_name": "Anna"}
        api.inject({"message": {**message, "from": sender, "date": "yesterday", "text": SECRET}})
        await anna.wait_text("cannot read")
        await life.settled()
        assert SECRET.encode() in files(tmp_path)
        forget_person(life.store, OWNER)

        assert SECRET.encode() not in files(tmp_path)

    async def test_while_an_answer_is_written_nothing_is_forgotten(self, anna, model, life):
        await anna.say("/forget")
        await anna.wait_answer()
        held = asyncio.Event()
        model.script(Holds("Once", held))
        await anna.say("story")
        await model.wait_for(lambda: model.served[0].words)
        toast = await anna.press("This chat")
        held.set()

        assert "being written" in toast["text"]

    async def test_what_is_written_for_somebody_else_keeps_nobody_from_forgetting(
        self, anna, api, model, life
    ):
        ben = api.person(43, "Ben").private()
        life.store.admit(Person(43, "Ben", is_owner=False))
        kept(life.store, SECRET, ANSWER)
        await anna.say("/forget")
        await anna.wait_answer()
        held = asyncio.Event()
        model.script(Holds("Once", held))
        await ben.say("story")
        await model.wait_for(lambda: model.served[0].words)
        await anna.press("Everything I ever wrote")
        await anna.wait_text("Deleted 1 question")
        held.set()
        await ben.wait_text("Once")

        assert life.store.turn_search.find(SECRET, user_id=OWNER) == []

    async def test_in_a_group_a_guest_cannot_forget_what_others_said(self, anna, api, life):
        ben = api.person(43, "Ben")
        life.store.admit(Person(43, "Ben", is_owner=False))
        group = api.group(-1001234, "Kitchen")
        life.store.people.set_group(group.id, "Kitchen")
        kept(life.store, f"the {SECRET}", ANSWER, chat=group.id)
        seat = group.as_user(ben)
        await seat.say("/forget@ambrosio_bot")
        await seat.wait_answer()
        toast = await seat.press("This chat")

        assert "only the owner" in toast["text"]
        assert life.store.turn_search.find(SECRET, user_id=OWNER)


class TestRetention:
    async def test_old_turns_go_when_their_time_has_come(
        self, api, telegram_url, tmp_path, model_url, anna
    ):
        given = {"llama_base_url": model_url, "ambrosio_retention_days": 30}
        async with running_bot(api, telegram_url, tmp_path, **given) as life:
            await anna.say(f"the {SECRET}")
            await anna.wait_answer()
            await life.settled()
            api.state.now.pass_seconds(29 * 86_400)
            await anna.say("a new question")
            await anna.wait_answer()
            await life.settled()
            kept_for_a_month = SECRET.encode() in files(tmp_path)
            api.state.now.pass_seconds(2 * 86_400)
            await anna.say("another one")
            await anna.wait_answer()
            await life.settled()

            assert kept_for_a_month
            assert life.store.turn_search.find(SECRET, user_id=OWNER) == []
            assert life.store.turn_search.find("new", user_id=OWNER)
            assert SECRET.encode() not in files(tmp_path)


class TestBackup:
    @pytest.fixture
    def backup(self, tmp_path, monkeypatch):
        monkeypatch.setenv("AMBROSIO_DATA_DIR", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        return lambda file: CliRunner().invoke(main, ["backup", str(file)])

    async def test_a_backup_of_the_running_bot_is_restored_and_remembers(
        self, api, telegram_url, tmp_path, model, model_url, anna, backup
    ):
        async with running_bot(api, telegram_url, tmp_path, llama_base_url=model_url) as life:
            await anna.say("I am called Anna.")
            await anna.wait_answer()
            await life.settled()
            result = backup(tmp_path / "copy.db")
            # What a crash has left there would be read into the copy and break it.
            assert f"delete {tmp_path / 'ambrosio.db'}-wal" in result.stderr
            await anna.say("This is said after the copy.")
            await anna.wait_answer()
            await life.settled()
        restored = tmp_path / "restored"
        restored.mkdir()
        (tmp_path / "copy.db").rename(restored / "ambrosio.db")
        async with running_bot(api, telegram_url, restored, llama_base_url=model_url):
            await anna.say("What am I called?")
            await anna.wait_answer()

        assert result.exit_code == 0, result.output
        assert stat.S_IMODE((restored / "ambrosio.db").stat().st_mode) == 0o600
        said = [text for _, text in model.requests[-1].messages]
        assert "I am called Anna." in said
        assert "This is said after the copy." not in said

    def test_nothing_is_overwritten(self, tmp_path, backup):
        with Store(tmp_path / "ambrosio.db", now=lambda: 0.0):
            (tmp_path / "precious").write_text("words")
        result = backup(tmp_path / "precious")

        assert result.exit_code == 1
        assert "precious" in result.stderr
        assert (tmp_path / "precious").read_text() == "words"

    def test_where_nothing_is_there_is_nothing_to_copy(self, tmp_path, backup):
        assert backup(tmp_path / "copy.db").exit_code == 1
        assert not (tmp_path / "ambrosio.db").exists()

    def test_a_backup_is_whole(self, store, tmp_path):
        kept(store, "question", "answer")
        store.archive.backup(tmp_path / "copy.db")

        copy = sqlite3.connect(tmp_path / "copy.db")
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT question FROM turns").fetchone() == ("question",)
        copy.close()


@contextmanager
def debugging():
    """Write the log as `AMBROSIO_LOG=debug` does, to be read."""
    root, written = logging.getLogger(), io.StringIO()
    before = root.handlers, root.level
    with redirect_stderr(written):
        logs.set_up_logging("debug", [])
    try:
        yield written
    finally:
        root.handlers, root.level = before


class TestLogs:
    async def test_no_word_of_a_message_is_in_the_log_even_when_debugging(
        self, api, telegram_url, tmp_path, model, model_url, anna, monkeypatch
    ):
        given = {"llama_base_url": model_url}
        with debugging() as log:
            async with running_bot(api, telegram_url, tmp_path, **given) as life:
                model.script(
                    Says(f"A {ANSWER}."), ErrorStatus(400), ErrorStatus(500, message=SECRET)
                )
                for said in (
                    f"vv what hears a {SECRET}?",
                    f"/search {SECRET}",
                    SECRET,
                    f"/{SECRET}",
                ):
                    await anna.say(said)
                    await life.settled()

                def breaks(*_args, **_given):
                    raise ValueError(SECRET)

                monkeypatch.setattr(life.store.conversations, "history", breaks)
                await anna.say(f"and the {SECRET}?")
                await anna.wait_text("three times")
                await life.settled()
        written = log.getvalue()

        assert "ValueError" in written
        assert "in breaks" in written
        assert SECRET not in written.lower()
        assert ANSWER not in written.lower()
