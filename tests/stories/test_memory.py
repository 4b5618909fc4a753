"""What Ambrosio remembers of a person: they see it, change it, and nobody else reads it."""

from types import SimpleNamespace
from typing import Any

import pytest

from ambrosio.commands.context import CommandCall
from ambrosio.commands.memory import memory
from ambrosio.core.messages import Chat
from ambrosio.emulators.model_server.server import FakeModelServer
from ambrosio.store import Person

from ..support.running_bot import OWNER, running_bot

FACT = "I am vegetarian"


def prompts(server):
    """List the system prompts of the conversations' requests, in order."""
    return [asked.messages[0][1] for asked in server.requests if asked.question]


async def ask(seat, text="hello"):
    seen = len(seat.answers)
    await seat.say(text)
    await seat.wait_until(lambda: len(seat.answers) > seen, "no answer")
    return seat.answers[-1]


@pytest.mark.usefixtures("life")
class TestRemembering:
    @pytest.mark.parametrize("said", [f"/remember {FACT}", f"Remember that {FACT}"])
    async def test_it_is_told_with_the_next_conversation(self, anna, model, said):
        await ask(anna)
        assert f"I will remember: {FACT}" in (await ask(anna, said)).text
        await ask(anna)
        await ask(anna, "/new")
        await ask(anna)
        await ask(anna)

        first, before, after, again = prompts(model)
        assert first == before
        assert FACT not in before
        assert after == again
        assert after.startswith(first.rstrip())
        assert after.endswith(f"1. {FACT}")

    async def test_undo_and_delete_remove_it_from_a_conversation_that_goes_on(self, anna, model):
        await ask(anna, "/remember likes tea")
        await anna.press("Undo")
        await anna.wait_text("Deleted.")
        await ask(anna, f"/remember {FACT}")
        await ask(anna)
        await ask(anna, "/memory delete 1")
        await ask(anna)

        assert [FACT in prompt for prompt in prompts(model)] == [True, False]
        assert "likes tea" not in "".join(prompts(model))

    async def test_the_list_is_shown_changed_and_deleted_by_number(self, anna, model):
        await ask(anna, "/remember one thing")
        await ask(anna, "/remember another thing")
        assert "2. another thing" in (await ask(anna, "/memory")).text
        assert "2. a third thing" in (await ask(anna, "/memory 2 a  third\nthing")).text
        await anna.press("Delete 1")
        await anna.wait_text("1. a third thing")
        await ask(anna)

        assert prompts(model)[0].endswith("\n1. a third thing")

    async def test_a_number_that_is_handled_twice_deletes_one_fact(self, anna, life):
        for fact in ("one", "two", "three"):
            await ask(anna, f"/remember number {fact}")
        context: Any = SimpleNamespace(store=life.store)
        call = CommandCall(Chat(OWNER), OWNER, 900, "delete 2")
        # The process dies before the update is finished, and the next one handles it again.
        await memory(context, call)
        life.store.finish(None, confirm=(await memory(context, call)).confirm)

        assert [fact.text for fact in life.store.facts.all(OWNER)] == ["number one", "number three"]
        assert life.store.outbox.undelivered()

    @pytest.mark.parametrize("number", ["3", "0", "x", "-1", "delete", "delete 9", "²"])
    async def test_a_number_that_is_not_there_changes_nothing(self, anna, life, number):
        await ask(anna, "/remember one thing")
        assert "There is no number" in (await ask(anna, f"/memory {number}")).text
        assert [fact.text for fact in life.store.facts.all(OWNER)] == ["one thing"]

    async def test_more_than_its_limit_is_refused(self, anna, life):
        await ask(anna, "/remember " + "a" * 1000)
        refused = await ask(anna, "/remember " + "b" * 501)
        assert "1,501 characters" in refused.text
        assert "1,500" in refused.text
        assert len(life.store.facts.all(OWNER)) == 1

    async def test_without_words_it_says_how(self, anna):
        assert "nothing to remember" in (await ask(anna, "/remember")).text
        assert "nothing about you" in (await ask(anna, "/memory")).text

    async def test_an_edit_takes_the_place_of_what_was_said(self, anna, life):
        message = await anna.say(f"/remember {FACT}")
        await anna.wait_answer()
        await anna.edit(message, "/remember I am vegan")
        await anna.wait_text("I am vegan")

        assert [fact.text for fact in life.store.facts.all(OWNER)] == ["I am vegan"]


class TestWhoReadsIt:
    async def test_what_was_said_in_private_is_used_in_private_only(
        self, api, telegram_url, tmp_path, model, model_url, anna
    ):
        cloud = FakeModelServer(model="openai/gpt-oss-120b", server_kind="together")
        async with cloud.serving() as url:
            row = f'base_url = "{url}"\nlocal = false\nserver_kind = "together"\n'
            row = f'[providers.together]\n{row}model = "{cloud.model}"\n'
            (tmp_path / "ambrosio.toml").write_text(row)
            given = {"llama_base_url": model_url}
            async with running_bot(api, telegram_url, tmp_path, **given) as life:
                await ask(anna, "/private on")
                shown = await ask(anna, f"Remember that {FACT}")
                await ask(anna, "in private")
                await ask(anna, "/private off")
                listed = await ask(anna, "/memory")
                await ask(anna, "/model together")
                await ask(anna, "outside")
                await life.settled()
                marked = [
                    life.store.conversations.is_local_only(Chat(OWNER), line.message_id)
                    for line in (shown, listed)
                ]

        assert marked == [True, True]
        assert [FACT in prompt for prompt in prompts(model)] == [True]
        assert [FACT in prompt for prompt in prompts(cloud)] == [False]

    async def test_it_is_one_persons_and_never_in_a_group(self, api, anna, model, life):
        ben = api.person(43, "Ben").private()
        life.store.admit(Person(43, "Ben", is_owner=False))
        group = api.group(-1001234, "Kitchen")
        life.store.people.set_group(group.id, "Kitchen")
        seat = group.as_user(api.person(OWNER, "Anna"))
        await ask(anna, f"/remember {FACT}")
        await ask(ben)
        await ask(seat, "@ambrosio_bot hello")
        await life.settled()
        await seat.say("/remember@ambrosio_bot I am tall")
        await seat.wait_text("not for a group")
        await seat.say("@ambrosio_bot remember that I am tall")
        await life.settled()

        assert FACT not in "".join(prompts(model))
        assert model.requests[-1].question.endswith("remember that I am tall")
        assert len(life.store.facts.all(OWNER)) == 1

    async def test_forgetting_everything_forgets_it(self, anna, model, life):
        await ask(anna, f"/remember {FACT}")
        await ask(anna)
        await ask(anna, "/forget")
        await anna.press("Everything I ever wrote")
        await anna.wait_text("from all chats")
        await ask(anna)

        assert life.store.facts.all(OWNER) == []
        assert [FACT in prompt for prompt in prompts(model)] == [True, False]
