"""A topic that is gone, and a group that became a supergroup: the answer arrives all the same."""

import asyncio
from itertools import permutations

import pytest

from ambrosio.core.messages import Chat
from ambrosio.emulators.model_server.server import Holds, Says
from ambrosio.store import ChatState

from ..support.running_bot import OWNER, running_bot
from .test_crash import process

OLD, NEW = -500, -1_000_000_000_500


@pytest.fixture
def owner(api):
    return api.person(OWNER, "Anna")


@pytest.fixture
def bert(api):
    return api.person(2002, "Bert")


@pytest.fixture
def group(api):
    return api.group(OLD, "House", bot=False, basic=True)


async def ask(group, owner, text):
    await group.say(owner, f"@ambrosio_bot {text}")


class TestATopic:
    @pytest.fixture
    def forum(self, api, life):
        group = api.group(-100600, "House", topics={77: "Rice", 78: "Tea"})
        life.store.people.set_group(-100600, "House")
        return group

    @pytest.mark.parametrize(
        "answer", ["**Basmati.**", "Plain.", "Two.\n\n" + " ".join(map(str, range(1500)))]
    )
    async def test_that_is_deleted_gets_its_answer_outside(self, forum, owner, model, answer, life):
        held = asyncio.Event()
        model.script(Holds(answer, held))
        topic = forum.as_user(owner, 77)
        await topic.say("@ambrosio_bot rice?")
        await model.wait_for(lambda: model.served and model.served[0].words)
        await topic.delete_topic()
        held.set()
        shown = await forum.as_user(owner).wait_text(answer.strip("*")[:4])
        await life.settled()

        assert shown.topic == 0
        assert bool(shown.entities) == ("*" in answer)

    async def test_that_is_closed_gets_answers_outside_until_it_opens(
        self, forum, owner, model, life
    ):
        await forum.close_topic(owner, 77)
        model.script(Says("One."), Says("Two."), Says("Three."))
        await forum.say(owner, "@ambrosio_bot a", topic_id=77)
        first = await forum.as_user(owner).wait_text("One.")
        await forum.say(owner, "@ambrosio_bot b", topic_id=77)
        second = await forum.as_user(owner).wait_text("Two.")
        await life.settled()
        await forum.reopen_topic(owner, 77)
        await forum.say(owner, "@ambrosio_bot c", topic_id=77)
        third = await forum.as_user(owner).wait_text("Three.")

        assert [first.topic, second.topic, third.topic] == [0, 0, 77]

    async def test_of_a_private_chat_that_is_gone_is_left_too(self, anna, model, life):
        held = asyncio.Event()
        model.script(Holds("Here.", held))
        topic = anna.topic(7)
        await topic.say("hello")
        await model.wait_for(lambda: model.served and model.served[0].words)
        await topic.delete_topic()
        held.set()

        assert (await anna.wait_text("Here.")).topic == 0


@pytest.mark.usefixtures("life")
class TestAGroup:
    @pytest.mark.parametrize(
        "notices",
        [order for size in (1, 2, 3) for order in permutations(("to", "member", "from"), size)],
        ids="-".join,
    )
    async def test_that_anybody_upgrades_goes_on(self, api, group, owner, bert, model, notices):
        await group.add_bot(owner)
        model.script(Says("One."), Says("Two."))
        await ask(group, owner, "first")
        await group.as_user(owner).wait_text("One.")
        upgraded = await group.upgrade(bert, NEW, notices=notices)
        await ask(upgraded, owner, "second")
        await upgraded.as_user(owner).wait_text("Two.")

        assert ("assistant", "One.") in model.requests[-1].messages
        assert api.calls_to("leaveChat") == []

    async def test_whose_upgrade_nobody_told_is_found(self, group, owner, bert, model):
        await group.add_bot(owner)
        model.script(Says("One."), Says("Two."))
        await ask(group, owner, "first")
        await group.as_user(owner).wait_text("One.")
        upgraded = await group.upgrade(bert, NEW, notices=())
        await ask(upgraded, owner, "second")

        await upgraded.as_user(owner).wait_text("Two.")

    @pytest.mark.parametrize("notices", [(), ("to",), ("from",), ("to", "member", "from")])
    async def test_in_the_middle_of_an_answer_gets_it(
        self, api, group, owner, bert, model, life, notices
    ):
        held = asyncio.Event()
        model.script(Holds("Basmati", held), Says("Tea."))
        await group.add_bot(owner)
        await ask(group, owner, "rice?")
        await model.wait_for(lambda: model.served and model.served[0].words)
        upgraded = await group.upgrade(bert, NEW, notices=notices)
        await api.wait_for(lambda: not api.updates.pending)
        held.set()
        answer = await upgraded.as_user(owner).wait_text("Basmati")
        await ask(upgraded, owner, "and?")
        await upgraded.as_user(owner).wait_text("Tea.")
        await life.settled()

        assert answer.reply_to is None
        questions = [request.question for request in model.requests]
        assert questions == ["rice?", "and?"]
        assert ("assistant", "Basmati") in model.requests[-1].messages

    async def test_keeps_its_settings_and_its_privacy(self, group, owner, bert, life, api):
        await group.add_bot(owner)
        await api.wait_for(lambda: not api.updates.pending)
        life.store.chats.set_state(Chat(OLD), ChatState(vv=True, local_only=True))
        life.store.conversations.mark_local_only(Chat(OLD), 3)
        await group.upgrade(bert, NEW)
        await life.settled()
        store = life.store

        assert store.chats.state(Chat(NEW)) == ChatState(vv=True, local_only=True)
        # Whoever still works for the old chat sees the same.
        assert store.chats.state(Chat(OLD)).local_only
        assert store.conversations.is_local_only(Chat(OLD), 3)
        assert not store.conversations.is_local_only(Chat(NEW), 3)
        assert dict(store.people.groups()) == {NEW: "House"}

    async def test_can_be_stopped_under_its_new_id(self, api, group, owner, bert, model):
        await group.add_bot(owner)
        model.script(Holds("Once upon a time", asyncio.Event()))
        await ask(group, owner, "a story")
        await model.wait_for(lambda: model.served and model.served[0].words)
        upgraded = await group.upgrade(bert, NEW)
        await upgraded.say(owner, "/stop@ambrosio_bot")

        await upgraded.as_user(owner).wait_text("Stopped.")

    async def test_that_is_not_ours_moves_nothing(self, api, group, anna, owner, bert, life):
        await group.upgrade(bert, NEW)
        message = {"message_id": 1, "date": 1, "from": bert.user, "migrate_to_chat_id": NEW}
        api.inject({"message": {**message, "chat": {"id": -700, "type": "group", "title": "X"}}})
        await anna.say("hello")
        await anna.wait_answer()

        assert life.store.database.read("SELECT * FROM moved_chats") == []

    async def test_of_a_stranger_with_the_same_title_is_left(self, api, group, owner, bert):
        await group.add_bot(owner)
        other = api.group(-1_000_000_000_900, "House", bot=False)
        await other.add_bot(bert)

        await api.wait_for(lambda: api.calls_to("leaveChat"))


async def test_moving_twice_changes_nothing_and_what_comes_late_follows(store):
    store.people.set_group(OLD, "House")
    for _ in range(2):
        store.move_chat(OLD, NEW)
    store.conversations.mark_local_only(Chat(OLD), 9)
    store.chats.record_request(Chat(OLD), "together")

    assert dict(store.people.groups()) == {NEW: "House"}
    assert store.conversations.is_local_only(Chat(NEW), -9)
    assert [visit.provider for visit in store.chats.visits(Chat(NEW))] == ["together"]


async def test_whatever_has_a_chat_moves(store):
    # A table of another part, with whatever columns.
    store.database.connection.execute("CREATE TABLE later (chat_id INTEGER, due_at REAL)")
    store.database.connection.execute("INSERT INTO later VALUES (?, 1)", (OLD,))
    store.move_chat(OLD, NEW)

    assert [tuple(row) for row in store.database.read("SELECT * FROM later")] == [(NEW, 1)]


async def test_killed_in_the_middle_of_a_migration_it_answers_once_in_the_new_group(
    api, telegram_url, tmp_path, model, model_url, group, owner, bert
):
    held = asyncio.Event()
    model.answer = lambda request: (
        Holds("Ba", held) if request.question and not held.is_set() else Says("Basmati.")
    )
    async with process(api, telegram_url, model_url, tmp_path) as first:
        await group.add_bot(owner)
        await ask(group, owner, "rice?")
        await model.wait_for(lambda: any(it.words for it in model.served))
        upgraded = await group.upgrade(bert, NEW)
        first.kill()
        await first.wait()
    held.set()
    async with process(api, telegram_url, model_url, tmp_path):
        await upgraded.as_user(owner).wait_text("Basmati.")
        await api.wait_for(lambda: not api.updates.pending)

    answers = [line.text for line in upgraded.screen() if line.from_bot and line.text]
    assert answers == ["Basmati."]


async def test_an_answer_that_waited_in_the_outbox_goes_to_the_new_group(
    api, telegram_url, tmp_path, model_url, model, group, owner, bert
):
    model.script(Says("Basmati."))
    given = {"llama_base_url": model_url}
    async with running_bot(api, telegram_url, tmp_path, **given):
        await group.add_bot(owner)
        fault = api.fail("sendMessage", times=1000, code=502)
        await ask(group, owner, "rice?")
        await api.wait_for(lambda: api.calls_to("sendMessage"))
    fault.times = 0
    upgraded = await group.upgrade(bert, NEW, notices=())
    async with running_bot(api, telegram_url, tmp_path, **given):
        await upgraded.as_user(owner).wait_text("Basmati.")
