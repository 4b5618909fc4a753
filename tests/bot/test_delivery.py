"""An answer produced is an answer delivered, whatever Telegram does."""

import asyncio

import pytest

from ambrosio.bot import ptb
from ambrosio.core import texts
from ambrosio.core.errors import StoreFailed
from ambrosio.emulators.model_server.server import Holds, Says

pytestmark = pytest.mark.usefixtures("life")

LONG = "\n\n".join(f"Paragraph {number}. " + "word " * 150 for number in range(26))


def told(anna):
    return "\n\n".join(line.text for line in anna.answers)


@pytest.mark.parametrize("code", [500, 502])
async def test_a_server_error_means_send_it_again(anna, api, model, code):
    api.fail("sendMessage", times=3, code=code)
    model.script(Says("Here."))
    await anna.say("question")

    await anna.wait_text("Here.")

    assert [line.text for line in anna.answers] == ["Here."]


async def test_a_flood_wait_is_waited_out(anna, api, model, clock):
    began = clock()
    api.flood("sendMessage", retry_after=10, times=1)
    model.script(Says("Here."))
    await anna.say("question")

    await anna.wait_text("Here.")

    assert clock() - began >= 10


async def test_a_line_that_breaks_before_telegram_has_it_costs_nothing(anna, api, model):
    api.drop("sendMessage", processed=False)
    model.script(Says("Here."))
    await anna.say("question")

    await anna.wait_text("Here.")

    assert [line.text for line in anna.answers] == ["Here."]


async def test_what_may_have_arrived_is_sent_once_more_and_never_a_third_time(
    anna, api, model, life
):
    # Where Telegram can be asked whether it has it, it goes once: see test_uncertain.py.
    api.remove_methods("editMessageReplyMarkup")
    for _ in range(2):
        api.drop("sendMessage", processed=True)
    model.script(Says("Here."), Says("Next."))
    await anna.say("question")
    await anna.say("another")
    await anna.wait_text("Next.")

    assert [line.text for line in anna.answers] == ["Here.", "Here.", texts.MAYBE_SENT, "Next."]
    await life.settled()


async def test_an_edit_that_may_have_arrived_is_made_again(anna, api, model, life):
    model.script(Says("Wet."), Says("Hot."))
    question = await anna.say("weather in Bergen?")
    await anna.wait_answer()
    for _ in range(3):
        api.drop("editMessageText", processed=True)
    await anna.edit(question, "weather in Seville?")
    await anna.wait_text("Hot.")
    await life.settled()

    assert [line.text for line in anna.answers] == ["Hot."]


async def test_a_long_answer_over_a_bad_line_arrives_whole_and_in_order(anna, api, model):
    api.fail_every(3, "sendMessage", code=502)
    model.script(Says(LONG))
    await anna.say("tell me everything")

    await anna.wait_text("Paragraph 25.")

    assert told(anna).split() == LONG.split()


async def test_only_the_first_part_of_a_long_answer_rings(anna, model):
    model.script(Says(LONG))
    await anna.say("tell me everything")

    await anna.wait_text("Paragraph 25.")

    assert len(anna.answers) > 3
    assert len(anna.rings) == 1
    assert anna.rings[0].startswith("Paragraph 0.")


async def test_formatting_that_telegram_refuses_goes_as_plain_text(anna, api, model):
    api.fail("sendMessage", times=1, code=400, description="Bad Request: can't parse entities")
    model.script(Says("**Here.**"))
    await anna.say("question")

    answer = await anna.wait_answer()

    assert (answer.text, answer.entities) == ("Here.", ())


async def test_a_person_who_has_blocked_the_bot_holds_up_nobody(anna, api, model, life):
    held = asyncio.Event()
    model.script(Holds("Lost.", held), Says("Here."))
    await anna.say("question")
    await model.wait_for(lambda: model.served and model.served[0].words)
    await anna.block_bot()
    held.set()
    await api.wait_for(lambda: api.calls_to("sendMessage"))
    await anna.unblock_bot()
    await anna.say("and now?")

    await anna.wait_text("Here.")
    await life.settled()


async def test_an_edit_of_a_message_that_is_gone_comes_as_a_new_one(anna, api, model):
    model.script(Says("Wet."), Says("Hot."))
    question = await anna.say("weather in Bergen?")
    answer = await anna.wait_answer()
    api.fail("editMessageText", code=400, description="Bad Request: message to edit not found")
    await anna.edit(question, "weather in Seville?")

    again = await anna.wait_text("Hot.")

    assert again.message_id != answer.message_id


async def test_an_answer_that_became_longer_fills_old_and_new_messages(anna, api, model):
    model.script(Says(LONG), Says("Short."), Says(LONG))
    question = await anna.say("one")
    await anna.wait_text("Paragraph 25.")
    await anna.edit(question, "two")
    await api.wait_for(lambda: told(anna) == "Short.")
    await anna.edit(question, "three")
    await anna.wait_text("Paragraph 25.")

    assert told(anna).split() == LONG.split()


async def test_links_are_never_fetched_for_a_preview(anna, model):
    model.script(Says("See [this](https://example.org/?secret=1) and https://example.org/x"))
    await anna.say("question")

    answer = await anna.wait_answer()

    assert not answer.previews


async def test_long_code_comes_as_a_file_too(anna, api, model):
    code = "\n".join(f"print({number})" for number in range(400))
    model.script(Says(f"Here:\n\n```python\n{code}\n```\n"))
    await anna.say("code please")

    await api.wait_for(lambda: any(line.document for line in anna.answers))

    assert len(anna.rings) == 1
    assert next(line.document for line in anna.answers if line.document) == "code-1.py"


async def test_a_message_is_not_sent_again_because_the_disk_was_full(anna, life, model):
    failures = [StoreFailed(), StoreFailed()]
    write = life.store.record_sent

    def sent(*args):
        if failures:
            raise failures.pop()
        write(*args)

    life.store.record_sent = sent
    model.script(Says("Here."))
    await anna.say("question")
    await life.settled()

    assert [line.text for line in anna.answers] == ["Here."]
    assert failures == []


async def test_a_fault_nobody_foresaw_costs_one_message_and_not_the_bot(
    anna, life, model, monkeypatch
):
    to_markup = ptb.to_markup

    def failing(outgoing):
        if outgoing.content.text == "Here.":
            raise RuntimeError("a fault of our own")
        return to_markup(outgoing)

    monkeypatch.setattr(ptb, "to_markup", failing)
    model.script(Says("Here."), Says("Next."))
    await anna.say("question")
    await anna.say("another")
    await anna.wait_text("Next.")
    await life.settled()

    assert [line.text for line in anna.answers] == [texts.MAYBE_SENT, "Next."]
