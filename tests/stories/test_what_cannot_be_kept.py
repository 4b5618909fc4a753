"""What cannot be stored or sent: told once, in a plain sentence, and paid once."""

import json
import sqlite3

import pytest

from ambrosio.core import texts
from ambrosio.emulators.model_server.server import ErrorStatus, Says

WORD = {"choices": [{"index": 0, "delta": {"content": "Rice."}, "finish_reason": "stop"}]}
# As JSON text: the standard encoder would not write all of them.
ODD_FIELDS = {
    "half a character in the model's name": r'"model": "qwen\ud83d-9b"',
    "a model's name of several lines": r'"model": "a\u0000b\n\nc"',
    "a model's name that is a number": f'"model": {"9" * 400}',
    "more tokens than 64 bits": f'"usage": {{"prompt_tokens": 1, "completion_tokens": {2**80}}}',
    "endless tokens": '"usage": {"prompt_tokens": 1e999, "completion_tokens": 1}',
    "tokens in words": '"usage": {"prompt_tokens": "many", "completion_tokens": [1]}',
    "details that are no object": '"usage": {"prompt_tokens": 1, "prompt_tokens_details": "?"}',
    "progress that is none": '"prompt_progress": {"total": "x", "cache": null}',
}
REFUSALS = (
    "Bad Request: ENTITY_TEXTURL_INVALID",
    "Bad Request: BUTTON_DATA_INVALID",
    "Bad Request: message is too long",
    "Bad Request: MESSAGE_EMPTY",
    "Bad Request: something nobody has seen before",
)


def asked(model):
    return [request for request in model.requests if request.question]


def with_fields(fields):
    chunk = json.dumps(WORD)[:-1] + f", {fields}}}"
    return ErrorStatus(200, body=f"data: {chunk}\n\ndata: [DONE]\n\n")


@pytest.mark.parametrize("fields", ODD_FIELDS.values(), ids=ODD_FIELDS)
async def test_nonsense_beside_an_answer_costs_nothing(anna, life, model, fields):
    model.script(with_fields(fields))
    await anna.say("how long does rice take?")
    answer = await anna.wait_answer()
    await life.settled()

    assert answer.text == "Rice."
    assert len(asked(model)) == 1
    assert life.store.conversations.turn(1).answer == "Rice."


@pytest.mark.parametrize(
    "refusal",
    [
        sqlite3.DataError("string or blob too big"),
        sqlite3.ProgrammingError("type 'dict' is not supported"),
        sqlite3.IntegrityError("UNIQUE constraint failed"),
        UnicodeEncodeError("utf-8", "\ud83d", 0, 1, "surrogates not allowed"),
        OverflowError("Python int too large to convert to SQLite INTEGER"),
        sqlite3.OperationalError("no such column"),
    ],
    ids=lambda exc: type(exc).__name__,
)
async def test_an_answer_that_cannot_be_stored_is_told_and_not_asked_for_again(
    anna, life, model, refusal, monkeypatch
):
    save = life.store.conversations.save

    def refuse(result):
        if result.text is not None:
            with life.store.database.transaction():
                raise refusal
        return save(result)

    monkeypatch.setattr(life.store.conversations, "save", refuse)
    model.script(Says("Rice."))
    await anna.say("how long does rice take?")
    told = await anna.wait_answer()
    await life.settled()

    assert told.text.startswith("This answer contains something that cannot be stored or sent.")
    assert len(anna.answers) == 1
    assert "Retry" in told.buttons
    assert len(asked(model)) == 1


async def test_if_not_even_the_failure_can_be_stored_the_person_is_told_all_the_same(
    anna, life, model, monkeypatch
):
    def refuse(_):
        with life.store.database.transaction():
            raise sqlite3.DataError

    monkeypatch.setattr(life.store.conversations, "save", refuse)
    await anna.say("how long does rice take?")
    told = await anna.wait_answer()
    await life.settled()

    assert told.text.startswith("This answer contains something that cannot be stored or sent.")
    assert len(asked(model)) == 1


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_message_that_telegram_never_takes_is_replaced_by_a_line(
    anna, api, life, model, refusal
):
    api.fail("sendMessage", times=2, code=400, description=refusal)
    model.script(Says("**Rice.**"), Says("Next."))
    await anna.say("how long does rice take?")
    told = await anna.wait_answer()
    await anna.say("and tea?")
    await anna.wait_text("Next.")
    await life.settled()

    assert told.text == texts.NOT_SENT
    assert len(asked(model)) == 2


async def test_a_line_that_is_refused_too_is_given_up(anna, api, life, model):
    api.fail("sendMessage", times=3, code=400, description="Bad Request: nobody knows")
    model.script(Says("**Rice.**"), Says("Next."))
    await anna.say("how long does rice take?")
    await anna.say("and tea?")
    await anna.wait_text("Next.")
    await life.settled()

    assert [line.text for line in anna.answers] == ["Next."]


async def test_buttons_that_are_refused_are_left_out(anna, api, life, model):
    api.fail("sendMessage", times=1, code=400, description="Bad Request: BUTTON_DATA_INVALID")
    model.script(Says("Tea."))
    await anna.say("vv tea?")
    told = await anna.wait_answer()
    await life.settled()

    assert told.text != texts.NOT_SENT
    assert told.buttons == ()
