"""Only the owner's people, and silence for everybody else."""

import asyncio
import re

import pytest

from ambrosio.emulators.model_server.server import FakeModelServer, Says

from ..support.running_bot import OWNER, running_bot


@pytest.fixture
def eve(api):
    return api.person(666, "Eve").private()


def code_in(text):
    return re.findall(r"start=([\w-]+)", text)[-1]


@pytest.mark.usefixtures("life")
class TestStrangers:
    async def test_a_stranger_gets_silence_and_is_never_stored(self, anna, eve, life, model):
        await eve.say("hello")
        await eve.say("/start")
        await eve.say("/start abcdefghijklmnop")
        await eve.send_photo()
        eve.tap_data("retry:1", 1)
        await anna.say("hello")
        await anna.wait_answer()

        assert eve.answers == []
        assert len(model.requests) == 1
        assert len(life.store.database.read("SELECT * FROM inbox")) == 1

    async def test_a_stranger_cannot_press_the_owners_buttons(self, anna, api, eve, model):
        model.script(Says("Short."))
        await anna.say("vv question")
        answer = await anna.wait_answer()
        person = {"id": 666, "is_bot": False, "first_name": "Eve"}
        message = anna.chat.messages[answer.message_id]
        api.inject(
            {
                "callback_query": {
                    "id": "9",
                    "from": person,
                    "chat_instance": "1",
                    "data": "longer:1",
                    "message": message,
                }
            }
        )
        await anna.say("hello")
        await anna.wait_answer()

        first, second = [request.question for request in model.requests]
        assert first == "vv question"
        assert second.endswith("hello")

    async def test_a_link_lets_one_person_in_once(self, anna, api, eve, model):
        await anna.say("/pair")
        code = code_in((await anna.wait_answer()).text)
        await eve.say(f"/start {code}")
        await eve.wait_text("Welcome")
        mallory = api.person(667, "Mallory").private()
        await mallory.say(f"/start {code}")
        model.script(Says("Hello, Eve."))
        await eve.say("hello")
        await eve.wait_text("Hello, Eve.")

        assert mallory.answers == []

    async def test_a_guest_cannot_do_what_only_the_owner_may(self, anna, eve, model):
        await anna.say("/pair")
        code = code_in((await anna.wait_answer()).text)
        await eve.say(f"/start {code}")
        await eve.wait_text("Welcome")
        await eve.say("/people")

        assert "There is no command" in (await eve.wait_answer()).text

    async def test_somebody_who_is_removed_is_a_stranger_again(self, anna, eve, model):
        await anna.say("/pair")
        code = code_in((await anna.wait_answer()).text)
        await eve.say(f"/start {code}")
        await eve.wait_text("Welcome")
        await anna.say("/people")
        await anna.wait_text("Eve")
        await anna.press("Remove Eve")
        await eve.say("hello?")
        await anna.say("hello")
        await anna.wait_answer()

        assert [request.question for request in model.requests] == ["hello"]


@pytest.mark.usefixtures("life")
class TestGroups:
    @pytest.fixture
    def group(self, api, anna):
        return api.group(-100500, "Kitchen", bot=False, privacy=False)

    async def test_in_a_group_only_those_who_mention_it_are_heard(self, api, group, model):
        anna = api.person(OWNER)
        eve = api.person(666, "Eve")
        await group.add_bot(anna)
        model.script(Says("Basmati."))
        await group.say(anna, "what shall we cook?")
        await group.say(eve, "@ambrosio_bot rice?")
        question = await group.say(anna, "@ambrosio_bot vv rice?")
        answer = await group.as_user(anna).wait_text("Basmati.")

        assert answer.reply_to == question
        assert [request.question for request in model.requests] == ["vv rice?"]

    async def test_a_group_that_a_stranger_adds_it_to_is_left(self, api, group, model):
        await group.add_bot(api.person(666, "Eve"))

        await api.wait_for(lambda: api.calls_to("leaveChat"))
        assert model.requests == []


async def test_without_an_owner_the_first_to_open_the_link_is_it(
    api, telegram_url, tmp_path, clock
):
    model = FakeModelServer()
    anna = api.person(OWNER, "Anna").private()
    given = {"ambrosio_owner": frozenset(), "sleep": asyncio.sleep}
    async with (
        model.serving() as url,
        running_bot(api, telegram_url, tmp_path, llama_base_url=url, **given) as life,
    ):
        await api.wait_for(lambda: api.calls_to("getUpdates"))
        code = code_in(life.printed[-1])
        await anna.say("let me in")
        await anna.say("/start wrong-code-wrong-code")
        await anna.say(f"/start {code}")
        await anna.wait_text("Welcome")
        await anna.say("/people")
        people = await anna.wait_text("Anna")

    assert "owner" in people.text
    assert model.requests == []


async def test_guesses_are_limited(api, telegram_url, tmp_path):
    model = FakeModelServer()
    anna = api.person(OWNER, "Anna").private()
    given = {"ambrosio_owner": frozenset(), "sleep": asyncio.sleep}
    async with (
        model.serving() as url,
        running_bot(api, telegram_url, tmp_path, llama_base_url=url, **given) as life,
    ):
        await api.wait_for(lambda: api.calls_to("getUpdates"))
        code = code_in(life.printed[-1])
        for number in range(5):
            await anna.say(f"/start guess-{number}")
        await anna.say(f"/start {code}")
        await life.settled()

    assert anna.answers == []
