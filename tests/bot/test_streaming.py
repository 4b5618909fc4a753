"""Words as they come: previews that harm nothing, one notification, and a Stop that stops."""

import asyncio

import pytest

from ambrosio.core.errors import StoreFailed
from ambrosio.emulators.model_server.server import Holds, Says, StallsAfter, StallsBefore

from ..support import PATIENCE_SECONDS
from ..support.running_bot import OWNER, running_bot

STORY = "Once upon a time there was a very small bot that wanted to be of use to somebody. "


@pytest.mark.usefixtures("life")
class TestDrafts:
    async def test_the_first_words_are_seen_while_the_model_writes(self, anna, model):
        held = asyncio.Event()
        model.script(Holds("**Once** upon a", held))
        await anna.say("a story")
        seen = await anna.wait_draft("Once upon")
        held.set()
        answer = await anna.wait_answer()

        assert seen.startswith("Once upon")
        assert answer.text.startswith("Once upon a")
        assert anna.rings == [answer.text]
        assert anna.draft is None

    async def test_a_silent_model_is_shown_to_be_thinking(self, anna, model, api):
        model.script(StallsBefore())
        await anna.say("question")

        await api.wait_for(lambda: anna.shown_draft is not None)

        assert anna.draft == "Thinking…"
        assert anna.shown_draft.can_stop

    async def test_the_mark_of_a_heading_does_not_keep_its_words_waiting(self, anna, model):
        model.script(Says("## Rice and what goes with it", pause=0.02))
        await anna.say("a list")
        await anna.wait_answer()

        assert anna.drafts[0].text.startswith("Rice")

    async def test_the_native_stop_stops(self, anna, model, api):
        model.script(StallsAfter(STORY))
        await anna.say("a story")
        await anna.wait_draft("of use")
        anna.stop_draft()

        answer = await anna.wait_answer()
        await model.wait_for(lambda: model.served[0].state == "cancelled")

        assert answer.text == STORY.strip() + "\n\nStopped."

    async def test_the_stop_of_another_draft_stops_nothing(self, anna, api, model):
        told, elsewhere = asyncio.Event(), anna.topic(7)
        model.script(Holds(STORY, told))
        await anna.say("a story")
        await anna.wait_draft("of use")
        chat = {"id": OWNER, "type": "private", "first_name": "Anna"}
        api.inject({"stopped_message_generation": {"chat": chat, "draft_id": 999}})
        # Updates are taken in order, so behind this answer that one has had its effect.
        await elsewhere.say("/help")
        await elsewhere.wait_answer()
        told.set()
        answer = await anna.wait_text("Once upon a time")

        assert answer.text == STORY.strip()

    async def test_a_concise_answer_needs_no_preview(self, anna, model):
        model.script(Says("Basmati."))
        await anna.say("vv rice?")
        await anna.wait_answer()

        assert anna.drafts == []

    async def test_a_flood_wait_in_mid_stream_stops_the_preview_only(self, anna, api, model):
        held = asyncio.Event()
        model.script(Holds(STORY, held))
        await anna.say("a story")
        await anna.wait_draft("Once")
        api.flood("sendMessageDraft", retry_after=10, times=1)
        held.set()
        answer = await anna.wait_answer()

        assert answer.text.startswith(STORY.strip())

    async def test_every_third_call_failing_costs_no_word(self, anna, api, model):
        api.fail_every(3, code=502)
        story = "".join(f"{number * number}. {STORY}" for number in range(100))
        model.script(Says(story))
        await anna.say("a story")

        await api.wait_for(lambda: "".join(line.text for line in anna.answers).count("Once") == 100)

    async def test_a_server_without_drafts_shows_edits(self, anna, api, model, life):
        api.remove_methods("sendMessageDraft")
        held = asyncio.Event()
        model.script(Holds(STORY, held), Holds(STORY, held))
        await anna.say("a story")
        growing = await anna.wait_text("Once upon")
        held.set()
        await life.settled()
        await anna.say("another")
        await life.settled()

        assert growing.silent
        assert growing.buttons == ("Stop",)
        assert len(api.calls_to("sendMessageDraft")) == 1
        assert [line.text for line in anna.answers] == [STORY.strip()] * 2
        assert len(anna.rings) == 2

    async def test_a_draft_that_expires_is_shown_again(self, anna, api, model, clock):
        held = asyncio.Event()
        model.script(Holds(STORY, held))
        await anna.say("a story")
        await anna.wait_draft("Once")
        clock.pass_seconds(31)
        held.set()

        assert (await anna.wait_answer()).text.startswith("Once")

    async def test_two_chats_stream_at_once(self, anna, model):
        held = asyncio.Event()
        topic = anna.topic(7)
        model.script(Holds("One " + STORY, held), Holds("Two " + STORY, held))
        await anna.say("one")
        # Else the two may reach the model in either order.
        await anna.wait_draft("One")
        await topic.say("two")
        await topic.wait_draft("Two")
        held.set()

        assert (await topic.wait_answer()).text.startswith("Two")

    async def test_thoughts_are_never_shown(self, anna, model):
        model.script(Says("Paris.", reasoning="Let me think about it.", think_tags=True))
        await anna.say("capital of France?")
        answer = await anna.wait_answer()

        assert answer.text == "Paris."
        assert all("think" not in draft.text for draft in anna.drafts)


class TestEdits:
    @pytest.fixture
    async def life(self, api, telegram_url, tmp_path, model_url):
        given = {"ambrosio_stream": "edit", "llama_base_url": model_url}
        async with running_bot(api, telegram_url, tmp_path, **given) as life:
            yield life

    async def test_the_stop_button_stops(self, anna, model, life):
        model.script(StallsAfter(STORY))
        await anna.say("a story")
        await anna.wait_text("Once")
        pressed = await anna.press("Stop")
        await life.settled()

        assert pressed["text"] == "Stopped"
        assert model.served[0].state == "cancelled"
        assert [line.text for line in anna.answers] == [STORY.strip() + "\n\nStopped."]
        assert len(anna.rings) == 1

    async def test_a_preview_left_by_a_crash_is_taken_away(
        self, api, telegram_url, tmp_path, anna, model, model_url
    ):
        given = {"ambrosio_stream": "edit", "llama_base_url": model_url}
        model.script(StallsAfter(STORY), Says("The whole story."))
        async with running_bot(api, telegram_url, tmp_path, **given):
            await anna.say("a story")
            await anna.wait_text("Once")
        async with running_bot(api, telegram_url, tmp_path, **given) as life:
            await anna.wait_text("The whole story.")
            await life.settled()

        assert [line.text for line in anna.answers] == ["The whole story."]

    async def test_a_group_sees_edits(self, api, anna, model, life):
        group = api.group(-100500, "Kitchen", bot=False)
        await group.add_bot(api.person(OWNER))
        held = asyncio.Event()
        model.script(Holds(STORY, held))
        await group.say(api.person(OWNER), "@ambrosio_bot a story")
        seat = group.as_user(api.person(OWNER))
        await seat.wait_text("Once")
        held.set()
        await life.settled()

        assert [line.text for line in seat.answers] == [STORY.strip()]


async def test_a_preview_that_telegram_confirms_after_the_answer_is_deleted(
    api, anna, model, life, monkeypatch
):
    monkeypatch.setattr("ambrosio.bot.streaming.SETTLE_SECONDS", 0.0)
    group = api.group(-100500, "Kitchen", bot=False)
    await group.add_bot(api.person(OWNER))
    seat = group.as_user(api.person(OWNER))
    held, late = asyncio.Event(), api.delay("sendMessage")
    model.script(Holds(STORY, held))
    await group.say(api.person(OWNER), "@ambrosio_bot a story")
    await seat.wait_text("Once")
    held.set()
    await seat.wait_text(STORY.strip())
    late.release()
    await life.settled()
    await seat.wait_until(lambda: len(seat.answers) == 1, "the preview is still there")

    assert [line.text for line in seat.answers] == [STORY.strip()]


async def test_off_shows_nothing_before_the_answer(
    api, telegram_url, tmp_path, anna, model, model_url
):
    given = {"ambrosio_stream": "off", "llama_base_url": model_url}
    model.script(Says(STORY))
    async with running_bot(api, telegram_url, tmp_path, **given):
        await anna.say("a story")
        await anna.wait_answer()

    assert anna.drafts == []
    assert len(api.calls_to("sendMessage")) == 1
    assert api.calls_to("sendChatAction")


WIDE = """Prices:

| product | price in Italy | price in Germany |
|---|---|---|
| basmati rice, one kilogram | 3.20 euros | 2.90 euros |
"""


class TestSetting:
    async def test_a_wide_table_goes_as_a_rich_message(
        self, api, telegram_url, tmp_path, anna, model, model_url
    ):
        given = {"ambrosio_rich": "auto", "llama_base_url": model_url}
        model.script(Says(WIDE))
        async with running_bot(api, telegram_url, tmp_path, **given):
            await anna.say("prices?")
            answer = await anna.wait_answer()

        assert answer.rich

    @pytest.mark.parametrize("refusal", ["lacks", "refuses"])
    async def test_where_rich_messages_fail_entities_are_there_at_once(
        self, api, telegram_url, tmp_path, anna, model, model_url, refusal
    ):
        if refusal == "lacks":
            api.remove_methods("sendRichMessage")
        else:
            api.fail("sendRichMessage", code=400)
        given = {"ambrosio_rich": "auto", "llama_base_url": model_url}
        model.script(Says(WIDE))
        async with running_bot(api, telegram_url, tmp_path, **given):
            await anna.say("prices?")
            answer = await anna.wait_answer()

        assert "basmati rice, one kilogram" in answer.text
        assert not answer.rich

    async def test_thoughts_are_shown_as_a_quote_where_the_owner_wants_them(
        self, api, telegram_url, tmp_path, anna, model, model_url
    ):
        given = {"ambrosio_reasoning": "show", "llama_base_url": model_url}
        model.script(Says("Paris.", reasoning="France, its capital."))
        async with running_bot(api, telegram_url, tmp_path, **given):
            await anna.say("capital of France?")
            await anna.wait_text("Paris.")

        thought, answer = anna.answers
        assert [each.type for each in thought.entities] == ["expandable_blockquote"]
        assert anna.rings == [answer.text]


@pytest.mark.parametrize("failure", [RuntimeError("a fault of our own"), StoreFailed("full")])
async def test_a_preview_that_fails_in_a_way_nobody_foresaw_costs_no_answer(
    anna, life, model, monkeypatch, failure
):
    failed = asyncio.Event()

    def failing(_):
        failed.set()
        raise failure

    monkeypatch.setattr("ambrosio.bot.streaming.preview", failing)
    held = asyncio.Event()
    model.script(Holds("Here.", held))
    await anna.say("question")
    await failed.wait()
    held.set()
    await anna.wait_text("Here.")
    await life.settled()

    assert len([request for request in model.requests if request.question]) == 1


async def test_an_answer_is_stored_before_the_last_preview_is_waited_for(
    anna, api, life, model, monkeypatch
):
    monkeypatch.setattr("ambrosio.bot.streaming.SETTLE_SECONDS", 600.0)
    held, hanging = asyncio.Event(), api.hang("sendMessageDraft")
    model.script(Holds(STORY, held))
    await anna.say("a story")
    await api.wait_for(lambda: api.calls_to("sendMessageDraft"))
    held.set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        # The database has no event to wait for.
        while not life.store.outbox.undelivered():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    hanging.release()
    await life.settled()

    assert [line.text for line in anna.answers] == [STORY.strip()]
