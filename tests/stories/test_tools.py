"""A model calls tools while it answers; the person sees each use, and can stop it."""

import asyncio
import json
import signal
from datetime import UTC, datetime

import pytest

from ambrosio.core.messages import Chat
from ambrosio.emulators.model_server.server import (
    Calls,
    ErrorStatus,
    FakeModelServer,
    Holds,
    Says,
)
from ambrosio.store import Store

from ..support.running_bot import OWNER, never_wakes, running_bot
from .test_crash import process

NEXT_YEAR = datetime.now(UTC).year + 1

SUM = '{"expression": "17 % of 4,380"}'
LINE = "calculated: 17 % of 4,380 = 744.60"


@pytest.fixture
async def model():
    return FakeModelServer(tools=True)


def roles(request):
    return [message["role"] for message in request.body["messages"]]


def texts(request):
    return json.dumps(request.body["messages"])


async def test_a_calculation_is_done_by_a_tool_and_shown_above_the_answer(anna, life, model):
    model.script(Calls("calculator", SUM), Says("It is **744.60**."))
    await anna.say("what is 17 % of 4,380?")
    answer = await anna.wait_answer()

    assert answer.text == f"{LINE}\n\nIt is 744.60."
    assert [entity.type for entity in answer.entities] == ["italic", "bold"]
    assert roles(model.requests[1])[-3:] == ["user", "assistant", "tool"]
    assert model.requests[1].body["messages"][-1]["content"] == "744.60"

    await anna.say("thanks")
    await anna.wait_answer()
    before = model.requests[1].body["messages"]
    assert model.requests[2].body["messages"][: len(before)] == before
    assert model.requests[2].body["tools"] == model.requests[0].body["tools"]

    await anna.say("/where")
    where = await anna.wait_text("Tools that models have used here")
    assert "calculator · local: 1 time" in where.text
    assert "3 messages" in where.text


async def test_each_round_is_in_the_ledger_and_the_last_one_has_to_answer(anna, life, model):
    model.script(*[Calls("calculator", SUM)] * 2, Says("Enough."))
    await anna.say("again and again")
    answer = await anna.wait_answer()

    assert answer.text == f"{LINE}\n{LINE}\n\nEnough."
    choices = [request.body.get("tool_choice") for request in model.requests]
    assert choices == [None, None, "none"]
    rows = life.store.database.read("SELECT * FROM ledger WHERE outcome = 'done'")
    assert len(rows) == 3


async def test_a_vv_question_has_no_tools_unless_its_conversation_has_them(anna, life, model):
    await anna.say("vv 17 % of 4,380?")
    await anna.wait_answer()
    assert "tools" not in model.requests[0].body

    await anna.say("what is 17 % of 4,380?")
    await anna.wait_answer()
    assert "tools" in model.requests[1].body

    # The definitions stand in the conversation's prompt now: without them all of it is read again.
    await anna.say("vv and of 100?")
    await anna.wait_answer()
    assert model.requests[-1].body["tools"] == model.requests[1].body["tools"]
    assert model.requests[-1].body["tool_choice"] == "none"


async def test_stop_ends_a_turn_in_a_round_of_tools(anna, life, model):
    held = asyncio.Event()
    model.script(Calls("calculator", SUM, text="Let me see."), Holds("", held))
    await anna.say("what is 17 % of 4,380?")
    await model.wait_for(lambda: len(model.served) == 2 and model.served[1].state == "running")
    await anna.say("/stop")
    answer = await anna.wait_text("Stopped")
    await model.wait_for(lambda: model.served[1].state == "cancelled")

    assert answer.text.startswith(LINE)
    await life.settled()
    assert not held.is_set()


async def test_bad_arguments_are_told_to_the_model_and_never_stored(anna, life, model):
    model.script(
        Calls("calculator", '{"expression": "17 %'),
        Calls("calculator", '{"expression": "seventeen"}'),
        Says("I cannot work that out."),
    )
    await anna.say("what is seventeen?")
    answer = await anna.wait_answer()

    assert answer.text == "I cannot work that out."
    results = [m["content"] for m in model.requests[2].body["messages"] if m["role"] == "tool"]
    assert results[0] == "Error: The arguments were not a JSON object."
    assert results[1].startswith("Error: Not understood")
    await anna.say("and then?")
    await anna.wait_answer()
    assert model.served[3].status == 200
    assert '"arguments": "{}"' in texts(model.requests[3])


async def test_a_call_written_as_text_is_neither_drafted_nor_sent(anna, life, model):
    said = f'Wait.\n<tool_call>\n{{"name": "calculator", "arguments": {SUM}}}\n</tool_call>'
    model.script(Says(said, pause=0.01))
    await anna.say("what is 17 % of 4,380?")
    answer = await anna.wait_answer()

    assert answer.text == "Wait."
    assert not any("tool_call" in draft.text for draft in anna.drafts)


async def test_a_server_that_cannot_read_its_models_call_is_asked_without_tools(anna, life, model):
    failure = ErrorStatus(500, "server_error", "Failed to parse input at pos 12: </tool_call>")
    model.script(failure, Says("About 745."))
    await anna.say("what is 17 % of 4,380?")
    answer = await anna.wait_answer()

    assert answer.text == "About 745."
    assert "tools" not in model.requests[1].body
    assert life.assistant.router.health.providers["llama"].breaker.failures == 0


async def test_another_provider_goes_on_with_what_a_tool_has_found(
    api, telegram_url, tmp_path, model, model_url, anna
):
    other = FakeModelServer(server_kind="together", model="other")
    other.refuses = {"tools"}
    model.script(Calls("calculator", SUM), *[ErrorStatus(500)] * 3)
    async with other.serving() as url:
        row = {"base_url": url, "model": "other", "local": True}
        given = {"llama_base_url": model_url, "providers": {"other": row}}
        async with running_bot(api, telegram_url, tmp_path, **given):
            await anna.say("what is 17 % of 4,380?")
            answer = await anna.wait_answer()
    assert answer.text.startswith(LINE)
    asked = other.requests[-1].body
    assert "tools" not in asked
    assert asked["messages"][-1]["content"].endswith("(Found for this: 744.60)")


# --- what tools do beside answering ---------------------------------------------------------------


TOMORROW = '{"at": "2027-01-16T09:00", "text": "call Mum"}'


async def test_a_reminder_by_words_is_made_shown_back_and_sent(
    api, telegram_url, tmp_path, model, model_url, anna
):
    model.script(Calls("remind", TOMORROW), Says("I will."))
    given = {"llama_base_url": model_url, "ambrosio_zone": "Europe/Berlin"}
    async with running_bot(api, telegram_url, tmp_path, sleep=never_wakes, **given) as life:
        await anna.say("remind me tomorrow at nine to call Mum")
        shown = await anna.wait_text("I will remind you on")
        await anna.wait_text("Is it")
        (reminder,) = life.store.reminders.waiting(Chat(OWNER), OWNER)

        assert [entity.type for entity in shown.entities] == ["date_time"]
        assert shown.text == "I will remind you on Saturday 16 January 2027, 09:00:\ncall Mum"
        assert anna.answers[0].text == "reminder: Saturday 16 January 2027, 09:00\n\nI will."
        assert "09:00" in str(model.requests[0].body["messages"][-1]["content"])

        await anna.press("Undo", shown.message_id)
        await anna.wait_text("Deleted.")
        assert life.store.reminders.get(reminder.reminder_id) is None


async def test_a_suggestion_to_remember_is_stored_by_a_tap_and_by_nothing_else(anna, life, model):
    model.script(Calls("remember", '{"fact": "I am vegetarian"}'), Says("Lentils, then."))
    await anna.say("you know, I am vegetarian. What shall I cook?")
    offer = await anna.wait_text("Shall I remember this?")
    assert life.store.facts.all(OWNER) == []

    await anna.press("Remember", offer.message_id)
    await anna.wait_text("I will remember: I am vegetarian")
    assert [fact.text for fact in life.store.facts.all(OWNER)] == ["I am vegetarian"]
    await anna.press("Undo")
    await anna.wait_text("Deleted.")
    assert life.store.facts.all(OWNER) == []


async def test_what_was_said_in_private_is_found_in_private_only(anna, life, model):
    await anna.say("/private my xylophone falafel")
    await anna.wait_answer()
    search = Calls("search_past", '{"words": "falafel"}')
    model.script(search, Says("Nothing."))
    await anna.say("what did I say of falafel?")
    await anna.wait_answer()
    assert "xylophone" not in texts(model.requests[-1])

    await anna.say("/private on")
    await anna.wait_answer()
    model.script(search, Says("A xylophone."))
    await anna.say("and now?")
    await anna.wait_answer()
    assert "xylophone" in texts(model.requests[-1])


async def test_killed_between_a_tool_and_the_answer_its_effect_is_there_once(
    api, telegram_url, model, model_url, tmp_path
):
    anna, held = api.person(OWNER).private(), asyncio.Event()
    order = Calls("remind", json.dumps({"at": f"{NEXT_YEAR}-01-01T09:00", "text": "call Mum"}))
    model.script(order, Holds("I w", held), order, Says("I will."))
    async with process(api, telegram_url, model_url, tmp_path) as first:
        await anna.say("remind me at New Year to call Mum")
        # A server that has just started may be asked to read the system prompt, too.
        await model.wait_for(lambda: any(one.words for one in model.served))
        first.send_signal(signal.SIGKILL)
        await first.wait()
    assert anna.answers == []
    async with process(api, telegram_url, model_url, tmp_path):
        await anna.wait_text("I will remind you on")
    with Store(tmp_path / "ambrosio.db", now=lambda: 0.0) as store:
        assert len(store.reminders.waiting(Chat(OWNER), OWNER)) == 1
    assert len([line for line in anna.answers if "I will remind you" in line.text]) == 1
