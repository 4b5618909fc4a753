"""The promises, kept through everything: a person's phone, the bot, models on loopback."""

import asyncio
import itertools
import re

import pytest

from ambrosio.commands.registry import COMMANDS
from ambrosio.core.default_questions import TO_CONTINUE
from ambrosio.emulators.model_server.server import (
    Dies,
    EndsUnfinished,
    ErrorStatus,
    FakeModelServer,
    Holds,
    Overflow,
    Says,
    SaysNothing,
    StallsAfter,
)

from ..support.running_bot import OWNER, never_wakes, running_bot


@pytest.mark.usefixtures("life")
class TestATurn:
    async def test_a_message_from_the_phone_is_answered(self, anna, model):
        model.script(Says("**Basmati.**"))
        await anna.say("vv jasmin or basmati rice with falafel?")

        answer = await anna.wait_answer()

        assert answer.text == "Basmati."
        assert [each.type for each in answer.entities] == ["bold"]
        assert model.requests[0].question == "vv jasmin or basmati rice with falafel?"
        assert anna.rings == ["Basmati."]

    @pytest.mark.parametrize("said", ["Vv tea?", "VV: tea?", " vv\ntea?", "vv, tea?"])
    async def test_vv_is_understood_as_phones_write_it(self, anna, model, said):
        await anna.say(said)

        answer = await anna.wait_answer()

        assert model.requests[0].question == "vv tea?"
        assert model.requests[0].temperature == 0
        assert model.requests[0].max_tokens is not None
        assert answer.buttons == ("Longer",)

    @pytest.mark.parametrize("said", ["vvv tea?", "vva tea?", "tea vv"])
    async def test_words_that_only_look_like_vv_are_ordinary(self, anna, model, said):
        await anna.say(said)

        answer = await anna.wait_answer()

        assert model.requests[0].question == said
        assert model.requests[0].max_tokens is None
        assert answer.buttons == ()

    async def test_a_conversation_only_grows(self, anna, model):
        model.script(Says("One."), Says("Two."))
        await anna.say("first")
        await anna.wait_answer()
        await anna.say("vv second")
        await anna.wait_answer()
        await anna.say("third")
        await anna.wait_answer()

        first, second, third = (request.messages for request in model.requests)
        assert second[: len(first)] == first
        # Without the worked exchanges, and not as an example of a short answer itself.
        assert third[len(first) :] == (
            ("assistant", "One."),
            ("user", "vv:\n\n- second → Two."),
            ("assistant", "OK."),
            ("user", "third"),
        )

    async def test_longer_answers_the_same_question_in_full(self, anna, model):
        model.script(Says("Basmati."), Says("Basmati, because its grains stay apart."))
        await anna.say("vv jasmin or basmati?")
        short = await anna.wait_answer()

        await anna.press("Longer")
        long = await anna.wait_answer(after=short.message_id)

        assert long.text == "Basmati, because its grains stay apart."
        assert model.requests[1].question == "jasmin or basmati?"
        await anna.say("thanks")
        await anna.wait_answer()
        assert ("assistant", "Basmati.") not in model.requests[2].messages

    async def test_sticky_vv_makes_every_answer_short(self, anna, model):
        await anna.say("/vv on")
        await anna.wait_answer()
        await anna.say("tea?")
        await anna.wait_answer()
        await anna.say("/vv off")
        await anna.wait_answer()
        await anna.say("tea?")
        await anna.wait_answer()

        assert [request.question for request in model.requests] == ["vv tea?", "tea?"]

    async def test_new_forgets_what_was_said(self, anna, model):
        await anna.say("I am called Anna.")
        await anna.wait_answer()
        await anna.say("/new")
        await anna.wait_answer()
        await anna.say("What am I called?")
        await anna.wait_answer()

        assert len(model.requests[-1].messages) == 2

    async def test_a_reply_to_an_older_answer_goes_on_from_there(self, anna, model):
        model.script(Says("One."), Says("Two."), Says("Three."))
        await anna.say("first")
        one = await anna.wait_answer()
        await anna.say("second")
        await anna.wait_answer()
        await anna.say("other second", reply_to=one.message_id)
        await anna.wait_answer()

        said = [text for _, text in model.requests[-1].messages[1:]]
        assert said == ["first", "One.", "other second"]

    async def test_an_edited_question_is_answered_anew_in_place(self, anna, model):
        model.script(Says("Wet."), Says("Hot."))
        question = await anna.say("weather in Bergen?")
        answer = await anna.wait_answer()
        await anna.edit(question, "weather in Seville?")
        await anna.wait_text("Hot.")

        assert [line.text for line in anna.answers] == ["Hot."]
        assert anna.last.message_id == answer.message_id
        await anna.say("and tomorrow?")
        await anna.wait_answer()
        said = [text for _, text in model.requests[-1].messages[1:]]
        assert said == ["weather in Seville?", "Hot.", "and tomorrow?"]

    async def test_an_edit_stops_the_answer_that_is_being_written(self, anna, model):
        model.script(Holds("Wet", asyncio.Event()), Says("Hot."))
        question = await anna.say("weather in Bergen?")
        await model.wait_for(lambda: model.served[0].words)
        await anna.edit(question, "weather in Seville?")
        await anna.wait_text("Hot.")

        assert model.served[0].state == "cancelled"
        assert [line.text for line in anna.answers] == ["Hot."]

    async def test_stop_keeps_what_was_written(self, anna, model):
        model.script(Holds("Once upon a time", asyncio.Event()), Says("Fine."))
        await anna.say("tell me a story")
        await model.wait_for(lambda: model.served[0].words == "Once upon a time")
        await anna.wait_draft("Once upon a time")
        await anna.say("/stop")

        answer = await anna.wait_text("Stopped.")
        await model.wait_for(lambda: model.served[0].state == "cancelled")
        await anna.say("go on")
        await anna.wait_text("Fine.")

        assert answer.text.startswith("Once upon a time")
        assert ("assistant", "Once upon a time") in model.requests[1].messages

    async def test_a_stopped_answer_can_be_continued_once(self, anna, model):
        model.script(Holds("Once upon a time", asyncio.Event()), Says("there was a fox."))
        await anna.say("tell me a story")
        await anna.wait_draft("Once upon a time")
        await anna.say("/stop")
        stopped = await anna.wait_text("Stopped.")
        await anna.press("Continue")
        rest = await anna.wait_text("there was a fox.")
        again = await anna.press("Continue", stopped.message_id)

        said = [text for _, text in model.requests[1].messages[1:]]
        assert said == ["tell me a story", "Once upon a time", TO_CONTINUE["en"]]
        assert rest.buttons == ()
        assert "already there" in again["text"]
        assert len(model.requests) == 2

    async def test_an_answer_cut_at_its_limit_can_be_continued(self, anna, model):
        model.script(Says("Once upon", finish="length"), Says("a time."), Says("Lima."))
        question = await anna.say("tell me a story")
        cut = await anna.wait_answer()
        await anna.press("Continue")
        await anna.wait_text("a time.")
        await anna.edit(question, "capital of Peru?")
        await anna.wait_text("Lima.")

        # The button says how to go on, so the note does not.
        assert cut.text == "Once upon\n\nCut off here: the answer reached its length limit."
        assert [line.text for line in anna.answers] == ["Lima.", "a time."]

    async def test_a_long_answer_arrives_whole_and_in_order(self, anna, model):
        words = " ".join(f"w{number}" for number in range(4000))
        model.script(Says(words))
        await anna.say("count")
        await anna.wait_text("w3999")

        assert " ".join(line.text for line in anna.answers) == words


@pytest.mark.usefixtures("life")
class TestBadInput:
    @pytest.mark.parametrize(
        ("send", "says"),
        [
            (lambda anna: anna.send_voice(), "damaged or incomplete"),
            (lambda anna: anna.send_document(b"", "a.txt"), "nothing to read"),
            (lambda anna: anna.say("vv"), "no question after"),
            (lambda anna: anna.say("/foo bar"), "/help"),
            (lambda anna: anna.say("/help@other_bot"), "other_bot"),
        ],
    )
    async def test_what_cannot_be_worked_on_gets_a_clear_sentence(self, anna, model, send, says):
        await send(anna)

        answer = await anna.wait_answer()

        assert says in answer.text
        assert model.requests == []

    @pytest.mark.parametrize(
        "said", ["😀" * 2048, "a\0b", "שלום, מה שלומך?", "\u202eabc", "**", "```", "x" * 4096]
    )
    async def test_odd_words_are_answered_like_any_other(self, anna, said):
        await anna.say(said)

        assert (await anna.wait_answer()).text

    async def test_an_unparsable_update_is_told_and_blocks_nothing(self, anna, api, life, model):
        message = {"message_id": 900, "chat": {"id": OWNER, "type": "private"}}
        sender = {"id": OWNER, "is_bot": False, "first_name": "Anna"}
        model.script(Says("Here."))
        api.inject({"message": {**message, "from": sender, "date": "yesterday", "text": "x"}})
        await anna.say("are you there?")

        await anna.wait_text("cannot read")
        await anna.wait_text("Here.")
        assert life.store.inbox.waiting() == 0

    async def test_an_update_of_a_kind_nobody_asked_for_is_passed_over(self, anna, api, life):
        api.inject({"poll_answer": {"poll_id": "1", "user": {"id": OWNER}, "option_ids": [0]}})
        api.inject({"something_new": {}})
        await anna.say("hello")

        assert (await anna.wait_answer()).text
        assert life.store.inbox.waiting() == 0

    async def test_a_button_of_an_old_message_says_that_it_no_longer_works(self, anna, api):
        query = anna.tap_data("gone:1", 17)
        await api.wait_for(lambda: query.answer)

        assert "no longer" in query.answer["text"]

    async def test_a_question_longer_than_the_window_is_refused_with_both_sizes(self, anna, model):
        model.script(Overflow(9000, 4096))
        await anna.say("word " * 800)

        answer = await anna.wait_answer()

        assert "9000" in answer.text
        assert "4096" in answer.text


class TestFailover:
    @pytest.fixture
    async def second(self):
        return FakeModelServer(model="openai/gpt-oss-120b", server_kind="together")

    @pytest.fixture
    async def both(self, api, telegram_url, tmp_path, model_url, second):
        given = {"together_api_key": "k", "llama_base_url": model_url}
        async with (
            second.serving() as url,
            running_bot(api, telegram_url, tmp_path, together_base_url=url, **given) as life,
        ):
            yield life

    @pytest.mark.usefixtures("both")
    @pytest.mark.parametrize(
        "trouble",
        [
            ErrorStatus(401),
            ErrorStatus(402),
            ErrorStatus(404),
            ErrorStatus(429, retry_after=30),
            ErrorStatus(500),
            ErrorStatus(503),
            SaysNothing(),
            Dies(after=""),
            EndsUnfinished(""),
            EndsUnfinished("Half of it"),
            Dies(after="Half of it"),
        ],
    )
    async def test_when_one_fails_another_answers(self, anna, model, second, trouble):
        model.script(trouble)
        second.script(Says("The whole of it."))
        await anna.say("question")

        answer = await anna.wait_text("The whole of it.")

        assert answer.text.startswith("The whole of it.\n\nvia together · llama ")
        assert answer.buttons == ("Read aloud",)

    async def test_nothing_is_spliced_once_words_are_out(self, anna, model, second, both):
        model.script(Dies(after="Paris is the cap"))
        second.script(Says("It is Paris."))
        await anna.say("capital of France?")

        answer = await anna.wait_answer()

        assert answer.text == "It is Paris.\n\nvia together · llama ran into an error"

    async def test_when_all_fail_the_person_gets_one_line_and_no_useless_button(
        self, anna, model, life
    ):
        model.script(ErrorStatus(401))
        await anna.say("question")
        line = await anna.wait_answer()
        model.script(Says("At last."))
        await anna.say("question")

        await anna.wait_text("At last.")

        assert "rejected the API key" in line.text
        assert line.buttons == ()

    async def test_retry_works_and_leaves_no_trace_of_the_failure(self, anna, model, life):
        model.script(ErrorStatus(500), ErrorStatus(500), Says("At last."), Says("Fine."))
        await anna.say("question")
        line = await anna.wait_answer()
        await anna.press("Retry")
        await anna.wait_text("At last.")
        await anna.say("thanks")
        await anna.wait_text("Fine.")

        assert line.buttons == ("Retry", "Choose a model")
        assert model.requests[-1].messages[1:] == (
            ("user", "question"),
            ("assistant", "At last."),
            ("user", "thanks"),
        )

    async def test_words_of_an_answer_that_broke_are_kept_with_the_reason(self, anna, model, life):
        model.script(Dies(after="Half of"), Dies(after="Half of it"))
        await anna.say("question")

        answer = await anna.wait_answer()

        assert answer.text.startswith("Half of it\n\n")
        assert "ran into an error" in answer.text
        assert answer.buttons == ("Retry", "Choose a model")

    async def test_a_model_that_loads_is_waited_for(self, anna, model, life):
        model.loading = True
        await anna.say("question")
        seen = await anna.wait_draft("loading")
        model.loading = False

        assert seen == "llama is loading its model; your answer will follow."
        assert anna.rings == [(await anna.wait_answer()).text]

    async def test_a_long_conversation_is_cut_rarely_and_told_each_time(self, anna, model, life):
        model.window = 3000
        for number in range(24):
            model.script(Says(f"Answer {number}."))
            await anna.say(f"question {number} " + "word " * 60)
            await anna.wait_answer()

        sent = [request.messages for request in model.requests]
        pairs = itertools.pairwise(sent)
        cuts = [after for before, after in pairs if after[: len(before)] != before]
        told = [line for line in anna.answers if "no longer see" in line.text]
        assert len(told) == len(cuts) > 0
        assert {line.buttons for line in told} == {("New conversation",)}
        await anna.press("New conversation", told[-1].message_id)
        await anna.wait_text("New conversation started.")
        await anna.say("hello")
        await anna.wait_answer()
        assert model.requests[-1].messages[1:] == (("user", "hello"),)
        assert len(cuts) < 6

    async def test_a_choice_holds_for_the_chat(self, anna, model, second, both):
        await anna.say("/model together")
        await anna.wait_answer()
        await anna.say("question")
        await anna.wait_answer()

        assert len(second.requests) == 1
        assert model.requests == []

    async def test_models_are_chosen_by_button(self, anna, second, both):
        await anna.say("/model")
        listed = await anna.wait_answer()
        await anna.press("together")
        await anna.wait_text("together")
        await anna.say("question")
        await anna.wait_answer()
        await anna.say("/model auto")
        await anna.wait_text("Automatic: llama, then together.")

        assert listed.buttons[:3] == ("✓ automatic", "llama", "llama/stand-in")
        assert len(second.requests) == 1


@pytest.mark.usefixtures("life")
class TestOrder:
    async def test_messages_are_answered_in_their_order(self, anna, model):
        for number in range(5):
            model.script(Says(f"Answer {number}."))
            await anna.say(f"question {number}")

        await anna.wait_text("Answer 4.")

        assert [line.text for line in anna.answers] == [f"Answer {n}." for n in range(5)]

    async def test_one_chat_does_not_wait_for_another(self, api, anna, model, life):
        held = asyncio.Event()
        model.script(Holds("Long story", held))
        await anna.say("long")
        await model.wait_for(lambda: model.served[0].words)
        topic = anna.topic(7)
        await topic.say("short")

        await model.wait_for(lambda: len(model.served) == 2)
        assert model.served[0].state == "running"
        held.set()

    async def test_a_stalled_answer_can_be_stopped(self, anna, model):
        model.script(StallsAfter("Hm"))
        await anna.say("question")
        await model.wait_for(lambda: model.served[0].words)
        await anna.say("/cancel")

        await anna.wait_text("Stopped.")
        await model.wait_for(lambda: model.served[0].state == "cancelled")


@pytest.mark.usefixtures("life")
async def test_status_tells_how_everybody_is(anna):
    await anna.say("hello")
    await anna.wait_answer()
    await anna.say("/status")

    status = await anna.wait_answer()

    assert "llama" in status.text
    assert "first word after" in status.text


@pytest.mark.usefixtures("life")
async def test_help_shows_what_matters_and_the_rest_behind_a_button(anna):
    await anna.say("/help")
    short = await anna.wait_answer()

    await anna.press("More")

    long = await anna.wait_text("/export")
    assert short.text.count("\n/") == 5
    assert "/pair" not in short.text
    listed = set(re.findall(r"^/(\w+)", long.text, re.MULTILINE))
    assert listed == {command.name for command in COMMANDS}


class TestAConversationThatWasSilentForHours:
    @pytest.fixture
    async def silent_life(self, api, telegram_url, tmp_path, model_url, anna):
        async with running_bot(
            api,
            telegram_url,
            tmp_path,
            sleep=never_wakes,
            llama_base_url=model_url,
            ambrosio_conversation_hours=8,
        ) as life:
            yield life

    @pytest.mark.usefixtures("silent_life")
    async def test_the_next_question_begins_anew_and_a_button_goes_on(self, api, anna, model):
        model.script(Says("Basmati."), Says("Because of what?"), Says("Because it stays loose."))
        await anna.say("jasmin or basmati?")
        await anna.wait_answer()
        api.state.now.pass_seconds(9 * 3600)
        await anna.say("Why?")
        fresh = await anna.wait_answer()

        await anna.press("Continue the old one")

        answer = await anna.wait_text("stays loose")
        asked = [[text for _, text in request.messages[1:]] for request in model.requests]
        assert asked == [
            ["jasmin or basmati?"],
            ["Why?"],
            ["jasmin or basmati?", "Basmati.", "Why?"],
        ]
        assert "new conversation" in fresh.text
        assert (answer.message_id, answer.buttons) == (fresh.message_id, ())

    @pytest.mark.usefixtures("silent_life")
    async def test_it_is_said_once_and_not_after_a_short_silence(self, api, anna, model):
        for hours, expected in ((0, False), (7, False), (9, True), (0, False)):
            api.state.now.pass_seconds(hours * 3600)
            await anna.say("tea?")
            answer = await anna.wait_answer()
            assert ("Continue the old one" in answer.buttons) is expected
