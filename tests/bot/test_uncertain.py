"""What was cut off on its way: Telegram is asked whether it has it, and nothing comes twice."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest
import telegram
from telegram.request import HTTPXRequest

from ambrosio.bot import ptb, uncertain
from ambrosio.bot.delivery import Delivery
from ambrosio.bot.rate_limit import RateLimiter
from ambrosio.bot.streaming import STOP
from ambrosio.bot.uncertain import NoVerdict
from ambrosio.core import texts
from ambrosio.core.messages import Button, Chat, Delete, File, OutgoingMessage
from ambrosio.emulators.botapi.files import blank_png
from ambrosio.emulators.model_server.server import Holds, Says
from ambrosio.markdown import plain
from ambrosio.store import Lane, NewUpdate, SearchRange

from ..support.running_bot import running_bot

ANNA, BERT = Chat(42), Chat(43)
SUPERGROUP, BASIC_GROUP = -1_001_234_567_890, -500
BUTTONS = (Button("Longer", "longer", with_turn=True), Button("Again", "again", with_turn=True))
PHOTO = File("fox.png", blank_png(64, 64), is_photo=True)
VOICE = File("answer.ogg", b"OggS" + b"\0" * 24 + b"OpusHead", is_voice=True)
TABLE = "| a | b |\n|---|---|\n| 1 | 2 |"


def message(chat=ANNA, text="Here.", **fields):
    return OutgoingMessage(chat, plain(text), **fields)


# --- the pure part --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outgoing", "answer"),
    [
        (message(), True),
        (message(buttons=BUTTONS), True),
        (message(files=(PHOTO, PHOTO)), True),
        (message(rich_markdown=TABLE), True),
        # It may have gone in pieces.
        (message(rich_markdown="\n\n".join("word " * 200 for _ in range(9))), False),
        (message(edit_message_id=7), False),
        # It cannot be edited.
        (message(asks_for_reply=True), False),
        # They stand beside copies that nobody knows of.
        (message(text=texts.MAYBE_SENT), False),
        (message(text=texts.NOT_SENT), False),
        (Delete(ANNA, 7), False),
    ],
)
def test_only_what_is_known_by_its_buttons_can_be_asked_for(outgoing, answer):
    assert uncertain.can_ask(outgoing) is answer


@pytest.mark.parametrize(
    ("known", "ids"),
    [
        ([], range(8, 20)),
        ([8, 9, 12], [10, 11, *range(13, 23)]),
        # Nothing known is asked about, however much there is of it.
        (range(8, 100), range(100, 108)),
        (range(8, 200), []),
    ],
)
def test_a_dozen_ids_behind_the_newest_known_one_are_asked_about(known, ids):
    place = SearchRange(7, frozenset(known))

    assert [*uncertain.candidates(place)] == [*ids]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Message is not modified: specified new message content and reply markup", True),
        ("Message to edit not found", False),
        ("Message can't be edited", False),
    ],
)
def test_a_refusal_says_whose_an_id_is(text, found):
    assert uncertain.read_refusal(text) is found


@pytest.mark.parametrize("text", ["Chat not found", "BUTTON_DATA_INVALID", "Not Found", ""])
def test_another_refusal_says_nothing(text):
    with pytest.raises(NoVerdict):
        uncertain.read_refusal(text)


# --- with Telegram --------------------------------------------------------------------------------


class Line:
    """A bot that can be cut off while it sends, and start again with the same store."""

    def __init__(self, api, bot, store, clock):
        self.api, self.bot, self.store, self.clock = api, bot, store, clock

    def starts(self):
        limiter = RateLimiter(self.clock)
        return Delivery(self.bot, self.store, limiter, sleep=self.clock.sleep)

    async def deliver(self, *chats):
        delivery = self.starts()
        for chat in chats or self.store.outbox.undelivered():
            await delivery.deliver(chat)

    async def is_cut_off(self, *outgoing):
        """Let Telegram accept messages, one of each chat, and the bot die before it knows."""
        self.store.outbox.enqueue(*outgoing)
        before = self.shown()
        hanging = [self.api.hang() for _ in outgoing]
        delivery = self.starts()
        tasks = [asyncio.ensure_future(delivery.deliver(one.chat)) for one in outgoing]
        expected = before + sum(max(1, len(one.files)) for one in outgoing)
        await self.api.wait_for(lambda: self.shown() == expected)
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        for one in hanging:
            one.release()
        assert len(self.store.outbox.undelivered()) == len(outgoing)

    def shown(self):
        return sum(len(chat.messages) for chat in self.api.state.chats.values())

    @property
    def questions(self):
        return len(self.api.calls_to("editMessageReplyMarkup"))


@pytest.fixture
async def line(api, telegram_url, store, clock):
    def plain_request():
        return HTTPXRequest(httpx_kwargs={"verify": False})

    async with telegram.Bot(
        api.token,
        base_url=f"{telegram_url}/bot",
        request=plain_request(),
        get_updates_request=plain_request(),
    ) as bot:
        yield Line(api, bot, store, clock)
    assert api.violations == []


@pytest.fixture
async def anna(api, store):
    anna = api.person(42).private()
    asked = await anna.say("question")
    store.receive(1, 1, [], [(ANNA, asked)])
    return anna


KINDS = {
    "a text": message(),
    "a text with buttons": message(buttons=BUTTONS, turn_id=7),
    "a reply": message(reply_to_id=1, silent=True),
    "a photo": message(files=(PHOTO,), buttons=BUTTONS, turn_id=7),
    "an album": message(files=(PHOTO, PHOTO, PHOTO), turn_id=7),
    "a document": message(files=(File("a.txt", b"words"),)),
    "a voice note": message(files=(VOICE,), turn_id=7),
    "a rich message": message(rich_markdown=TABLE, buttons=BUTTONS, turn_id=7),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_what_has_arrived_is_not_sent_again(line, anna, kind):
    outgoing = KINDS[kind]
    await line.is_cut_off(outgoing)
    before = [line.api.state.chats[42].messages[shown.message_id] for shown in anna.answers]

    await line.deliver()

    after = [line.api.state.chats[42].messages[shown.message_id] for shown in anna.answers]
    assert after == before
    assert len(after) == max(1, len(outgoing.files))
    assert line.store.outbox.undelivered() == []
    noted = line.store.database.read("SELECT * FROM answer_messages")
    ids = [shown.message_id for shown in anna.answers]
    assert [row["message_id"] for row in noted] == (ids if outgoing.turn_id else [])


async def test_what_has_not_arrived_is_sent_again(line, anna):
    line.api.drop("sendMessage", processed=False)
    line.store.outbox.enqueue(message())
    await line.deliver()

    assert [shown.text for shown in anna.answers] == ["Here."]
    assert line.questions == uncertain.MAX_QUESTIONS


async def test_what_telegram_says_it_does_not_have_is_tried_more_often(line, anna):
    for _ in range(3):
        line.api.drop("sendMessage", processed=False)
    line.store.outbox.enqueue(message())
    await line.deliver()
    for _ in range(4):
        line.api.drop("sendMessage", processed=False)
    line.store.outbox.enqueue(message(text="Next."))
    await line.deliver()

    assert [shown.text for shown in anna.answers] == ["Here.", texts.MAYBE_SENT]


async def test_a_timeout_is_found_out_too_and_is_not_said_to_be_missing(line, anna):
    for _ in range(3):
        line.api.drop("sendMessage", processed=True)
    line.store.outbox.enqueue(message(text="One."), message(text="Two."), message(text="Three."))
    await line.deliver()

    assert [shown.text for shown in anna.answers] == ["One.", "Two.", "Three."]


async def test_two_chats_cut_off_at_once_each_find_their_own(line, anna, api):
    bert = api.person(43).private()
    await line.is_cut_off(message(), message(BERT))
    await bert.say("and I?")
    await line.deliver()

    assert [shown.text for shown in anna.answers] == ["Here."]
    assert [shown.text for shown in bert.answers] == ["Here."]


@pytest.mark.parametrize(("chat_id", "basic"), [(SUPERGROUP, False), (BASIC_GROUP, True)])
async def test_in_a_group_it_is_found_among_what_others_write(line, anna, api, chat_id, basic):
    group = api.group(chat_id, basic=basic)
    carla = group.as_user(api.person(44))
    line.store.known_message_ids.note_newest(Chat(chat_id), await carla.say("@ambrosio_bot rice?"))
    for text in ("hello", "all"):
        await carla.say(text)
    await line.is_cut_off(message(Chat(chat_id), buttons=BUTTONS, turn_id=7))
    await line.deliver()

    assert [shown.text for shown in carla.answers] == ["Here."]
    assert line.questions == 3


@pytest.mark.parametrize("buttons", [(), BUTTONS])
async def test_a_preview_that_was_left_is_not_taken_for_it(line, anna, buttons):
    stop = telegram.InlineKeyboardMarkup.from_button(
        telegram.InlineKeyboardButton("Stop", callback_data="stop:")
    )
    await line.bot.send_message(42, "Her", reply_markup=stop)
    line.api.drop("sendMessage", processed=False)
    line.store.outbox.enqueue(message(buttons=buttons, turn_id=7))
    await line.deliver()

    shown = [(line.text, line.buttons) for line in anna.answers]
    assert shown == [("Her", ("Stop",)), ("Here.", tuple(button.text for button in buttons))]


async def test_a_preview_that_does_not_get_its_button_back_is_not_taken_for_it_either(line, anna):
    await line.bot.send_message(42, "Her", reply_markup=ptb.to_keyboard((STOP,)))
    line.api.drop("sendMessage", processed=False)
    # The first question changes the preview, and the second call is to change it back.
    line.api.fail_every(2, "editMessageReplyMarkup", code=500, times=1)
    line.store.outbox.enqueue(message(buttons=BUTTONS, turn_id=7))
    await line.deliver()

    assert [line.text for line in anna.answers] == ["Her", "Here."]


async def test_what_was_said_past_the_outbox_is_not_taken_for_it(line, anna):
    await line.starts().tell_now(ANNA, "The disk is full.")
    line.api.drop("sendMessage", processed=False)
    line.store.outbox.enqueue(message())
    await line.deliver()

    assert [shown.text for shown in anna.answers] == ["The disk is full.", "Here."]


async def test_two_topics_of_one_chat_are_not_told_apart_so_both_go_again(line, anna):
    topics = [anna.topic(number) for number in (7, 8)]
    await line.is_cut_off(message(Chat(42, 7)), message(Chat(42, 8)))
    await line.deliver()

    assert [len(topic.answers) for topic in topics] == [2, 2]
    assert line.questions == 0


async def test_what_was_sent_without_its_buttons_is_found_and_gets_none_elsewhere(line, anna):
    line.api.fail("sendMessage", code=400, times=1, description="BUTTON_DATA_INVALID")
    await line.is_cut_off(message(buttons=BUTTONS, turn_id=7))
    assert anna.last.buttons == ()
    await line.deliver()

    assert [(shown.text, shown.buttons) for shown in anna.answers] == [
        ("Here.", ("Longer", "Again"))
    ]


async def test_where_telegram_cannot_be_asked_it_goes_once_more_and_never_a_third_time(line, anna):
    line.api.remove_methods("editMessageReplyMarkup")
    for _ in range(2):
        line.api.drop("sendMessage", processed=True)
    line.store.outbox.enqueue(message(), message(text="Next."))
    await line.deliver()

    said = [shown.text for shown in anna.answers]
    assert said == ["Here.", "Here.", texts.MAYBE_SENT, "Next."]


@pytest.mark.parametrize("fault", ["429", "500", "no answer"])
async def test_a_question_that_fails_is_asked_again(line, anna, fault):
    await line.is_cut_off(message())
    if fault == "429":
        line.api.flood("editMessageReplyMarkup", retry_after=30, times=2)
    elif fault == "500":
        line.api.fail("editMessageReplyMarkup", code=500, times=2)
    else:
        line.api.drop("editMessageReplyMarkup")
    await line.deliver()

    assert [shown.text for shown in anna.answers] == ["Here."]
    assert line.store.outbox.undelivered() == []


async def test_flood_waits_between_questions_neither_lose_count_nor_go_on_for_ever(line, anna, api):
    for number in range(8):
        await api.person(43).private().say(f"message {number}")
    await line.is_cut_off(message())
    api.enable_flood_limits()
    await line.deliver()
    assert [shown.text for shown in anna.answers] == ["Here."]
    assert line.questions <= 9 + 8

    api.flood("editMessageReplyMarkup", retry_after=9, times=1000)
    api.drop("sendMessage", processed=False)
    line.store.outbox.enqueue(message(text="Next."))
    await line.deliver()
    assert [shown.text for shown in anna.answers] == ["Here.", "Next."]


@pytest.mark.parametrize(("code", "text"), [(500, ""), (400, "SOMETHING_NEW")])
async def test_a_question_that_is_never_answered_holds_up_nothing(line, anna, code, text):
    await line.is_cut_off(message())
    line.api.fail("editMessageReplyMarkup", code=code, times=1000, description=text)
    await line.deliver()

    assert [shown.text for shown in anna.answers] == ["Here.", "Here."]
    assert line.questions <= uncertain.MAX_FAILURES


async def test_before_anything_is_known_of_the_ids_nobody_is_asked(line, api):
    anna = api.person(42).private()
    api.drop("sendMessage", processed=False)
    line.store.outbox.enqueue(message())
    await line.deliver()

    assert [shown.text for shown in anna.answers] == ["Here."]
    assert line.questions == 0


async def test_other_chats_of_the_same_sequence_cost_few_questions(line, anna, api):
    bert = api.person(43).private()
    await line.is_cut_off(replace(message(), silent=True))
    # What has come meanwhile is known, or in another chat.
    for number in range(20):
        await bert.say(f"message {number}")
        line.store.outbox.enqueue(message(BERT, f"Answer {number}."))
    await line.deliver(BERT, ANNA)

    assert [shown.text for shown in anna.answers] == ["Here."]
    assert line.questions == 1


# --- previews that are messages -------------------------------------------------------------------


@pytest.fixture
async def group(api, store):
    group = api.group(SUPERGROUP)
    asked = await group.say(api.person(44), "@ambrosio_bot rice?")
    store.receive(1, 2, [NewUpdate(1, Chat(SUPERGROUP), asked, "{}")])
    return group


async def leave_preview(line, group):
    item = line.store.inbox.claim(Lane(Chat(SUPERGROUP)))
    await group.say(line.api.person(45), "I take mine with salt")
    stop = ptb.to_keyboard((STOP,))
    await line.bot.send_message(SUPERGROUP, "Ten min", reply_markup=stop)
    return item


async def test_a_preview_that_nobody_has_noted_is_deleted(line, group):
    item = await leave_preview(line, group)
    await line.starts().delete_lost_preview(item.chat, item.message_id)
    await line.deliver()

    assert [shown.text for shown in group.screen()] == [
        "@ambrosio_bot rice?",
        "I take mine with salt",
    ]


async def test_no_preview_is_looked_for_beside_a_message_that_may_be_there(line, group):
    item = await leave_preview(line, group)
    await line.is_cut_off(message(Chat(SUPERGROUP), buttons=BUTTONS, turn_id=7))
    await line.starts().delete_lost_preview(item.chat, item.message_id)
    assert line.questions == 0
    await line.deliver()
    await line.starts().delete_lost_preview(item.chat, item.message_id)
    await line.deliver()

    [answer] = [shown for shown in group.screen() if shown.from_bot]
    assert (answer.text, answer.buttons) == ("Here.", ("Longer", "Again"))


@pytest.mark.parametrize("fault", [400, 500])
async def test_where_nothing_can_be_learnt_of_a_preview_it_stays(line, group, fault):
    item = await leave_preview(line, group)
    line.api.fail("editMessageReplyMarkup", code=fault)
    await line.starts().delete_lost_preview(item.chat, item.message_id)

    assert group.screen()[-1].buttons == ("Stop",)
    assert line.store.outbox.undelivered() == []


async def test_the_second_attempt_looks_behind_where_the_first_began(line, group):
    lane = Lane(Chat(SUPERGROUP))
    claimed = [line.store.inbox.claim(lane)]
    line.store.inbox.release(claimed[0])
    line.store.known_message_ids.note_newest(lane.chat, 900)
    claimed += [line.store.inbox.claim(lane), line.store.inbox.claim(lane)]

    behind = claimed[0].message_id
    assert [item.after_message_id for item in claimed] == [None, behind, behind]


@pytest.mark.parametrize("privately", [False, True])
async def test_a_bot_that_ends_while_a_preview_is_on_its_way_leaves_none(
    api, telegram_url, tmp_path, model, model_url, privately
):
    held, owner = asyncio.Event(), api.person(42)
    group = api.group(SUPERGROUP)
    seat = owner.private() if privately else group.as_user(owner)
    given = {"llama_base_url": model_url, "ambrosio_stream": "edit"}
    model.answer = lambda asked: Holds("Ten minutes, with the lid on. " * 3, held)
    async with running_bot(api, telegram_url, tmp_path, **given) as life:
        life.store.people.set_group(SUPERGROUP, "Group")
        hanging = api.hang("sendMessage")
        await seat.say("@ambrosio_bot how long does rice take?")
        await seat.wait_text("Ten minutes")
    held.set()
    hanging.release()
    model.answer = lambda asked: Says("Ten minutes." if asked.question else "")
    async with running_bot(api, telegram_url, tmp_path, **given) as life:
        await seat.wait_until(lambda: any(x.text == "Ten minutes." for x in seat.answers), "none")
        await life.settled()

    assert [shown.text for shown in seat.answers] == ["Ten minutes."]
