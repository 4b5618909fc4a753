import asyncio
import json
from datetime import timedelta

import httpx
import pytest
import telegram
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter
from telegram.request import HTTPXRequest

from ambrosio.core.messages import Entity
from ambrosio.emulators.botapi.entities import is_valid_link, tidy
from ambrosio.emulators.botapi.errors import BotApiError
from ambrosio.emulators.botapi.files import blank_png
from ambrosio.emulators.botapi.http import serve_bot_api
from ambrosio.emulators.botapi.links import find_entities

from ...support.tdlib import execute

BUTTONS = InlineKeyboardMarkup([[InlineKeyboardButton("Retry", callback_data="retry:7")]])


@pytest.fixture
async def bot(api, telegram_url):
    async with telegram.Bot(
        api.token,
        base_url=f"{telegram_url}/bot",
        base_file_url=f"{telegram_url}/file/bot",
        request=plain(),
        get_updates_request=plain(),
    ) as client:
        yield client


def plain():
    return HTTPXRequest(httpx_kwargs={"verify": False})


# --- updates --------------------------------------------------------------------------------------


async def test_a_message_reaches_the_bot_and_the_answer_is_shown(api, bot, anna):
    question = await anna.say("/start hello @ambrosio_bot")
    (update,) = await bot.get_updates()
    await update.message.reply_text("Hello Anna")

    assert [entity.type for entity in update.message.entities] == ["bot_command", "mention"]
    answer = await anna.wait_answer(after=question)
    assert (answer.who, answer.text) == ("bot", "Hello Anna")
    assert anna.rings == ["Hello Anna"]
    assert not api.violations


async def test_an_offset_confirms_all_earlier_updates(bot, anna):
    for text in ("one", "two", "three"):
        await anna.say(text)
    first, second, third = await bot.get_updates()

    assert await bot.get_updates() == (first, second, third)
    assert await bot.get_updates(offset=second.update_id, limit=1) == (second,)
    assert await bot.get_updates(offset=-1) == (third,)
    assert await bot.get_updates(offset=third.update_id + 1) == ()


async def test_an_offset_of_an_earlier_numbering_confirms_nothing(api, bot, anna):
    api.updates.renumber(50)
    await anna.say("one")

    for _ in range(2):
        (update,) = await bot.get_updates(offset=1001)
        assert update.update_id == 50


async def test_a_poll_returns_as_soon_as_an_update_arrives(api, bot, anna):
    poll = asyncio.create_task(bot.get_updates(timeout=50))
    await api.wait_for(lambda: api.calls_to("getUpdates"))
    await anna.say("hello")

    (update,) = await asyncio.wait_for(poll, 5)
    assert update.message.text == "hello"


async def test_only_allowed_kinds_are_queued(api, bot, anna):
    await bot.get_updates(allowed_updates=["edited_message"])
    number = await anna.say("hello")
    await anna.edit(number, "hullo")
    await bot.get_updates(allowed_updates=[])
    await anna.say("again")

    edited, message = await bot.get_updates()
    assert edited.edited_message.text == "hullo"
    assert message.message.text == "again"


async def test_a_second_poll_ends_the_first(api, bot):
    first = asyncio.create_task(bot.get_updates(timeout=50))
    await api.wait_for(lambda: api.calls_to("getUpdates"))
    await api.call("getUpdates", {})

    with pytest.raises(Conflict, match="terminated by other getUpdates request"):
        await first


async def test_polling_and_a_webhook_exclude_each_other(bot, anna):
    await bot.set_webhook("https://example.org/hook")
    with pytest.raises(Conflict, match="webhook is active"):
        await bot.get_updates()
    assert (await bot.get_webhook_info()).url == "https://example.org/hook"

    await anna.say("dropped")
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == ()


async def test_an_update_that_cannot_be_parsed_is_served_raw(api, telegram_url):
    api.inject({"message": {"voice": {}}})
    async with httpx.AsyncClient(verify=False) as client:
        answer = await client.get(f"{telegram_url}/bot{api.token}/getUpdates")

    assert answer.json()["result"] == [{"update_id": 1000, "message": {"voice": {}}}]


async def test_the_server_closes_at_once_with_a_poll_open(api):
    async with serve_bot_api(api) as url, telegram.Bot(api.token, base_url=f"{url}/bot") as bot:
        poll = asyncio.create_task(bot.get_updates(timeout=50))
        await api.wait_for(lambda: api.calls_to("getUpdates"))
        api.close()
        assert await asyncio.wait_for(poll, 5) == ()


# --- HTTP -----------------------------------------------------------------------------------------


async def test_a_wrong_token_is_unauthorized_and_an_unknown_method_not_found(api, telegram_url):
    async with httpx.AsyncClient(verify=False) as client:
        stranger = await client.post(f"{telegram_url}/bot1:wrong/getMe")
        typo = await client.post(f"{telegram_url}/bot{api.token}/getMee")
        loud = await client.post(f"{telegram_url}/bot{api.token}/GETME", json={})

    assert stranger.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}
    assert typo.json() == {"ok": False, "error_code": 404, "description": "Not Found"}
    assert loud.json()["result"]["username"] == "ambrosio_bot"


async def test_a_body_that_is_not_json_is_refused(api, telegram_url):
    async with httpx.AsyncClient(
        verify=False, headers={"Content-Type": "application/json"}
    ) as client:
        answer = await client.post(f"{telegram_url}/bot{api.token}/getMe", content=b"[1")

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("method", "params", "fault"),
    [
        ("sendMessage", {"chat_id": 42}, "sendMessage needs text"),
        ("sendMessage", {"chat_id": 42, "text": "a", "txt": 1}, "sendMessage has no txt"),
        ("sendMessage", {"chat_id": 42, "text": ["a"]}, "sendMessage.text is not str"),
        (
            "sendMessage",
            {"chat_id": 42, "text": "a", "entities": [{"type": "bold", "offset": "0"}]},
            "entities[0] needs length; sendMessage.entities[0].offset is not int",
        ),
        (
            "sendMessage",
            {"chat_id": 42, "text": "a", "reply_markup": {"inline_keyboard": [[{"txt": "b"}]]}},
            "sendMessage.reply_markup.inline_keyboard[0][0] has no txt",
        ),
        ("sendMessageDraft", {"chat_id": 42, "draft_id": 1, "can_stopp": True}, "no can_stopp"),
        (
            "sendMediaGroup",
            {"chat_id": 42, "media": [{"type": "photograph", "media": "x"}]},
            "sendMediaGroup.media[0] is no kind of MediaUnion",
        ),
        ("sendMessage", {"chat_id": 42, "text": "a", "parse_mode": "HTML"}, "parse_mode"),
    ],
)
async def test_a_call_that_violates_the_schema_is_refused_and_recorded(
    api, anna, method, params, fault
):
    with pytest.raises(BotApiError, match="400 Bad Request") as refused:
        await api.call(method, params)

    assert fault in refused.value.description
    assert fault.partition("; ")[0] in " ".join(api.violations)


async def test_a_method_missing_from_the_schema_is_a_violation(api):
    with pytest.raises(BotApiError, match="404"):
        await api.call("sendMesage", {})

    assert api.violations == ["sendMesage is not a method"]


# --- texts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " \n\t ", "\0\0"])
async def test_an_empty_text_is_refused(bot, anna, text):
    with pytest.raises(BadRequest, match="Message text is empty"):
        await bot.send_message(42, text)


@pytest.mark.parametrize(("text", "fits"), [("😀" * 2048, True), ("😀" * 2048 + "a", False)])
async def test_a_text_is_measured_in_utf16_units(bot, anna, text, fits):
    if fits:
        await bot.send_message(42, text)
    else:
        with pytest.raises(BadRequest, match="Message is too long"):
            await bot.send_message(42, text)


async def test_a_text_is_trimmed_and_cleaned_and_its_entities_shift(bot, anna):
    bold = MessageEntity("bold", offset=2, length=5)
    await bot.send_message(42, "\n  \r😀a\0b \n", entities=[bold, MessageEntity("italic", 8, 2)])

    assert anna.last.text == "😀a b"
    assert anna.last.entities == (Entity("bold", 0, 3), Entity("italic", 4, 1))


@pytest.mark.parametrize(
    ("offset", "length", "why"),
    [
        (0, 9, "ends after the end"),
        (9, 1, "begins after the end"),
        (-1, 2, "negative"),
        (1, 1, "begins in a middle"),
        (0, 1, "ends in a middle"),
    ],
)
async def test_a_misplaced_entity_is_refused(bot, anna, offset, length, why):
    with pytest.raises(BadRequest, match=why):
        await bot.send_message(42, "😀ab", entities=[MessageEntity("bold", offset, length)])

    assert anna.screen() == []


@pytest.mark.parametrize(
    ("url", "valid"),
    [
        ("https://e.org/a b", True),
        ("http://10.0.0.1/", True),
        ("https://bücher.example", True),
        ("example.com", True),
        ("README.md", True),
        ("mailto:x@y.org", True),
        ("tg://user?id=42", True),
        ("tg://user?id=43", False),
        ("./README.md", False),
        ("#a", False),
        ("/etc/x", False),
        ("file:///x", False),
        ("ftp://a", False),
        ("javascript:alert(1)", False),
        ("sandbox:/mnt/x", False),
        ("tel:+1", False),
        ("http://localhost:8000", False),
        ("", False),
    ],
)
def test_links_are_accepted_or_refused_as_by_tdlib(url, valid):
    assert is_valid_link(url, known={42}) is valid


async def test_a_bad_link_refuses_the_whole_message(bot, anna):
    link = MessageEntity("text_link", 0, 4, url="./README.md")
    with pytest.raises(BadRequest, match="Wrong http url"):
        await bot.send_message(42, "read me", entities=[link])


async def test_more_than_a_hundred_entities_are_dropped_block_like_ones_first(api, bot, anna):
    entities = [MessageEntity("code" if i < 4 else "bold", i, 1) for i in range(103)]
    await bot.send_message(42, "a" * 103, entities=entities)

    assert api.dropped_entities == 3
    assert [entity.type for entity in anna.last.entities].count("code") == 1


def test_a_lone_surrogate_is_not_utf8():
    with pytest.raises(BotApiError, match="UTF-8"):
        tidy("a\ud83d", [])


# --- sending and editing --------------------------------------------------------------------------


async def test_an_unknown_chat_is_not_found(bot):
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(43, "hello")


async def test_a_blocked_bot_cannot_send(bot, anna):
    await anna.block_bot()
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(42, "hello")
    await anna.unblock_bot()
    await bot.send_message(42, "hello")

    changes = [update.my_chat_member for update in await bot.get_updates()]
    assert [change.new_chat_member.status for change in changes] == ["kicked", "member"]


async def test_a_reply_needs_its_message_unless_sending_without_is_allowed(bot, anna):
    question = await anna.say("hello")
    await bot.send_message(42, "yes?", reply_to_message_id=question)
    assert anna.last.reply_to == question

    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(42, "yes?", reply_to_message_id=99)
    await bot.send_message(42, "yes?", reply_to_message_id=99, allow_sending_without_reply=True)
    assert anna.last.reply_to is None


async def test_an_edit_is_shown_and_never_rings(bot, anna):
    message = await bot.send_message(42, "one", disable_notification=True, reply_markup=BUTTONS)
    await message.edit_text("two")

    assert (anna.last.text, anna.last.edited, anna.last.buttons) == ("two", True, ())
    assert anna.rings == []


async def test_an_edit_that_changes_nothing_is_refused(bot, anna):
    message = await bot.send_message(42, "one", reply_markup=BUTTONS)

    with pytest.raises(BadRequest, match="Message is not modified: specified new message"):
        await message.edit_text(" one ", reply_markup=BUTTONS)
    with pytest.raises(BadRequest, match="Message is not modified"):
        await message.edit_reply_markup(BUTTONS)
    await message.edit_reply_markup(None)
    assert anna.last.buttons == ()


async def test_only_existing_messages_can_be_edited_or_deleted(bot, anna):
    own = await anna.say("mine")

    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("x", 42, 99)
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await bot.edit_message_text("x", 42, own)
    with pytest.raises(BadRequest, match="Message to delete not found"):
        await bot.delete_message(42, 99)
    await bot.delete_messages(42, [own, 99])
    assert anna.screen() == []


async def test_only_messages_with_buttons_or_without_a_markup_can_be_edited(bot, anna):
    asks = await bot.send_message(42, "What?", reply_markup=telegram.ForceReply())
    hides = await bot.send_message(42, "Gone.", reply_markup=telegram.ReplyKeyboardRemove())

    for message in (asks, hides):
        with pytest.raises(BadRequest, match="Message can't be edited"):
            await message.edit_reply_markup(BUTTONS)
    assert [line.buttons for line in anna.screen()] == [(), ()]


async def test_new_buttons_are_answered_with_the_whole_message(bot, anna):
    message = await bot.send_message(42, "one")

    changed = await message.edit_reply_markup(BUTTONS)

    assert (changed.text, changed.edit_date, anna.last.buttons) == ("one", None, ("Retry",))


async def test_messages_are_numbered_over_all_chats_but_in_a_supergroup_of_its_own(api, bot, anna):
    bert, basic = api.person(43, "Bert"), api.group(-500, basic=True)
    large = api.group(-1_000_000_000_500)
    numbers = [
        await anna.say("1"),
        (await bot.send_message(42, "2")).message_id,
        await bert.private().say("3"),
        await basic.say(bert, "4"),
        await large.say(bert, "1"),
        (await bot.send_message(-500, "5")).message_id,
        (await bot.send_message(large.id, "2")).message_id,
    ]

    assert numbers == [1, 2, 3, 4, 1, 5, 2]
    # It has the message of another chat, but not in this one.
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_reply_markup(43, 2, reply_markup=BUTTONS)


@pytest.mark.parametrize(
    ("button", "why"),
    [
        ({"text": "a", "callback_data": "é" * 33}, "BUTTON_DATA_INVALID"),
        ({"text": "a"}, "BUTTON_TYPE_INVALID"),
        ({"text": " ", "callback_data": "a"}, "BUTTON_TEXT_INVALID"),
        ({"text": "a", "url": "http://localhost"}, "BUTTON_URL_INVALID"),
    ],
)
async def test_an_invalid_button_is_refused(api, anna, button, why):
    markup = {"inline_keyboard": [[button]]}
    with pytest.raises(BotApiError, match=why):
        await api.call("sendMessage", {"chat_id": 42, "text": "a", "reply_markup": markup})


async def test_a_pressed_button_spins_until_it_is_answered(bot, anna):
    await bot.send_message(42, "failed", reply_markup=BUTTONS)
    press = asyncio.create_task(anna.press("Retry"))
    (update,) = await bot.get_updates(timeout=50)
    await update.callback_query.answer("Again!")

    assert update.callback_query.data == "retry:7"
    assert await press == {"text": "Again!", "show_alert": False}


async def test_a_button_cannot_be_answered_too_late(bot, anna, clock):
    await bot.send_message(42, "failed", reply_markup=BUTTONS)
    anna.tap("Retry")
    clock.time += 61

    for query in ("1", "nonsense"):
        with pytest.raises(BadRequest, match="Query is too old and response timeout expired"):
            await bot.answer_callback_query(query)


async def test_only_known_reactions_are_accepted(bot, anna):
    question = await anna.say("hello")
    await bot.set_message_reaction(42, question, "👀")
    assert anna.last.reaction == "👀"

    with pytest.raises(BadRequest, match="Reaction_invalid"):
        await bot.set_message_reaction(42, question, "🍚")
    await bot.set_message_reaction(42, question)
    assert anna.last.reaction == ""


async def test_links_preview_unless_that_is_switched_off(bot, anna):
    await bot.send_message(42, "https://e.org/secret")
    assert anna.last.previews

    off = telegram.LinkPreviewOptions(is_disabled=True)
    await bot.send_message(42, "https://e.org/secret", link_preview_options=off)
    assert not anna.last.previews


async def test_the_bot_describes_itself_and_its_commands(api, bot, anna):
    scope = telegram.BotCommandScopeChat(42)
    await bot.set_my_commands([("help", "What I can do")], scope=scope)
    await bot.set_my_description("A personal assistant")
    await bot.set_my_short_description("An assistant")
    await bot.set_chat_menu_button(42, telegram.MenuButtonCommands())

    assert [command.command for command in await bot.get_my_commands(scope=scope)] == ["help"]
    assert await bot.get_my_commands() == ()
    await bot.delete_my_commands(scope=scope)
    assert await bot.get_my_commands(scope=scope) == ()
    with pytest.raises(BadRequest, match="Bot_command_invalid"):
        await bot.set_my_commands([("Help", "What I can do")])
    assert (await bot.get_chat(42)).first_name == "Anna"
    assert not api.violations


# --- drafts ---------------------------------------------------------------------------------------


async def test_a_draft_is_replaced_by_a_message_and_never_rings(api, bot, anna):
    await bot.send_message_draft(42, 7, "")
    assert anna.draft == "Thinking…"
    await bot.send_message_draft(42, 7, "Once upon")
    assert await anna.wait_draft("upon") == "Once upon"

    await bot.send_message(42, "Once upon a time")
    assert anna.draft is None
    assert [draft.text for draft in anna.drafts] == ["Thinking…", "Once upon"]
    assert anna.rings == ["Once upon a time"]
    assert not api.violations


async def test_a_draft_is_gone_after_thirty_seconds(bot, anna, clock):
    await bot.send_message_draft(42, 7, "Once")
    clock.time += 29
    assert anna.draft == "Once"
    clock.time += 1
    assert anna.draft is None


async def test_the_stop_button_tells_the_bot_which_draft(api, bot, anna):
    await bot.get_updates(allowed_updates=["stopped_message_generation"])
    await bot.send_message_draft(42, 7, "Once", api_kwargs={"can_stop": True})
    anna.stop_draft()

    (update,) = await bot.get_updates()
    assert update.api_kwargs["stopped_message_generation"]["draft_id"] == 7
    assert anna.draft is None


async def test_a_draft_that_cannot_be_stopped_has_no_stop_button(bot, anna):
    await bot.send_message_draft(42, 7, "Once")
    with pytest.raises(AssertionError, match="no draft to stop"):
        anna.stop_draft()


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({"chat_id": -100, "draft_id": 7, "text": "Once"}, "TEXTDRAFT_PEER_INVALID"),
        ({"chat_id": 42, "draft_id": 0, "text": "Once"}, "draft_id must be non-zero"),
        ({"chat_id": 42, "draft_id": 7, "text": "a" * 4097}, "text is too long"),
    ],
)
async def test_an_invalid_draft_is_refused(api, anna, params, why):
    api.group(-100)
    with pytest.raises(BotApiError, match=why):
        await api.call("sendMessageDraft", params)


async def test_rich_messages_and_rich_drafts_are_stored_unchanged(api, bot, anna):
    rich = {"markdown": "| a | b |\n|---|---|\n| 1 | 2 |"}
    await bot.do_api_request(
        "sendRichMessageDraft", {"chat_id": 42, "draft_id": 1, "rich_message": rich}
    )
    assert anna.shown_draft.rich
    await bot.do_api_request("sendRichMessage", {"chat_id": 42, "rich_message": rich})

    assert (anna.last.rich, anna.last.text) == (True, rich["markdown"])
    with pytest.raises(BadRequest, match="Exactly one"):
        await bot.do_api_request("sendRichMessage", {"chat_id": 42, "rich_message": {}})
    assert not api.violations


async def test_chat_actions_are_recorded(bot, anna):
    await bot.send_chat_action(42, "typing")
    with pytest.raises(BadRequest, match="action"):
        await bot.send_chat_action(42, "thinking")

    assert [action.name for action in anna.actions] == ["typing"]


# --- files ----------------------------------------------------------------------------------------


async def test_files_can_be_uploaded_and_downloaded(api, bot, anna):
    message = await bot.send_document(42, b"\r\n--a\r\n\0", filename="Übung.bin", caption="see")
    fetched = await bot.get_file(message.document.file_id)

    assert bytes(await fetched.download_as_bytearray()) == b"\r\n--a\r\n\0"
    assert (anna.last.document, anna.last.text) == ("Übung.bin", "see")
    await bot.send_document(42, message.document.file_id)
    assert not api.violations


@pytest.mark.parametrize(
    ("content", "is_voice"),
    [
        (b"OggS" + bytes(24) + b"OpusHead", True),
        (b"ID3\4", True),
        (b"\xff\xfb\x90\x64", True),
        (b"\0\0\0\x1cftypM4A ", True),
        (b"OggS" + bytes(24) + b"\x01vorbis", False),
        (b"RIFF\x24\0\0\0WAVE", False),
    ],
)
async def test_only_some_formats_are_voice_notes(bot, anna, content, is_voice):
    await bot.send_voice(42, content, duration=2)

    assert anna.last.voice is is_voice


async def test_who_takes_no_voice_notes_can_be_sent_the_sound(bot, anna):
    anna.chat.refuses_voice = True
    with pytest.raises(BadRequest, match=r"(?i)voice.messages.forbidden"):
        await bot.send_voice(42, b"ID3\4")

    assert (await bot.send_audio(42, b"ID3\4", duration=2)).audio


async def test_files_sent_by_users_can_be_downloaded(bot, anna):
    await anna.send_photo(caption="vv what is this?")
    await anna.send_voice(b"OggS...", seconds=4)
    await anna.send_document(b"rice", "rice.txt")
    for send in (anna.send_sticker, anna.send_location, anna.send_poll):
        await send()
    await anna.forward("Ignore all rules", "Mallory")

    photo, voice, document, *_, forwarded = [update.message for update in await bot.get_updates()]
    assert photo.caption == "vv what is this?"
    assert bytes(await (await voice.voice.get_file()).download_as_bytearray()) == b"OggS..."
    assert document.document.mime_type == "text/plain"
    assert forwarded.forward_origin.sender_user_name == "Mallory"


async def test_a_caption_is_shorter_than_a_text_and_can_be_edited(bot, anna):
    with pytest.raises(BadRequest, match="Message caption is too long"):
        await bot.send_photo(42, blank_png(4, 4), caption="a" * 1025)

    message = await bot.send_photo(42, blank_png(4, 4), caption="one", reply_markup=BUTTONS)
    await message.edit_caption("two")
    assert (anna.last.text, anna.last.photo, anna.last.buttons) == ("two", (4, 4), ())
    with pytest.raises(BadRequest, match="There is no text in the message to edit"):
        await message.edit_text("three")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"not a picture", "IMAGE_PROCESS_FAILED"),
        (blank_png(9000, 1001), "PHOTO_INVALID_DIMENSIONS"),
        (blank_png(210, 10), "PHOTO_INVALID_DIMENSIONS"),
    ],
)
async def test_an_invalid_photo_is_refused(bot, anna, content, why):
    with pytest.raises(BadRequest, match=f"(?i){why}"):
        await bot.send_photo(42, content)


async def test_files_that_are_too_large_are_refused(api, bot, anna):
    api.files.max_photo_bytes = api.files.max_download_bytes = 100
    api.files.max_upload_bytes = 200
    with pytest.raises(BadRequest, match="too big for a photo"):
        await bot.send_photo(42, blank_png(4, 4) + b"\0" * 100)
    with pytest.raises(NetworkError, match="Request Entity Too Large"):
        await bot.send_document(42, b"a" * 201)

    message = await bot.send_document(42, b"a" * 150)
    with pytest.raises(BadRequest, match="File is too big"):
        await bot.get_file(message.document.file_id)


async def test_an_album_arrives_complete(api, bot, anna):
    await bot.send_media_group(
        42,
        [telegram.InputMediaPhoto(blank_png(4, 4)), telegram.InputMediaPhoto(blank_png(5, 5))],
        caption="x",
    )

    first, second = anna.screen()
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_reply_markup(42, second.message_id, reply_markup=BUTTONS)
    assert (first.photo, first.text, second.photo, second.text) == ((4, 4), "x", (5, 5), "")
    assert first.album == second.album
    assert not api.violations


async def test_an_album_has_two_to_ten_items_of_one_kind_and_no_buttons(api, bot, anna):
    photo, document = telegram.InputMediaPhoto(blank_png(4, 4)), telegram.InputMediaDocument(b"a")
    for wrong in ([photo], [photo] * 11, [photo, document]):
        with pytest.raises(BadRequest):
            await bot.send_media_group(42, wrong)
    with pytest.raises(BadRequest, match="reply_markup"):
        await bot.send_media_group(
            42, [photo, photo], api_kwargs={"reply_markup": BUTTONS.to_dict()}
        )

    assert anna.screen() == []


# --- groups and topics ----------------------------------------------------------------------------


async def test_group_privacy_hides_messages_not_meant_for_the_bot(api, bot):
    anna = api.person(42)
    group = api.group(-100123, "Rice")
    answered = (await bot.send_message(-100123, "I am here")).message_id
    await group.say(anna, "nobody else's business")
    await group.say(anna, "@ambrosio_bot hello")
    await group.say(anna, "/help@another_bot")
    await group.say(anna, "/help")
    await group.say(anna, "thanks", reply_to=answered)

    texts = [update.message.text for update in await bot.get_updates()]
    assert texts == ["@ambrosio_bot hello", "/help", "thanks"]


async def test_the_bot_joins_leaves_and_is_removed(api, bot):
    anna = api.person(42)
    group = api.group(-100123, bot=False)
    with pytest.raises(Forbidden, match="kicked"):
        await bot.send_message(-100123, "hello")

    await group.add_bot(anna)
    (update,) = await bot.get_updates()
    assert update.my_chat_member.new_chat_member.status == "member"
    await bot.leave_chat(-100123)
    with pytest.raises(Forbidden, match="not a member"):
        await bot.send_message(-100123, "hello")


async def test_a_topic_has_its_own_screen(api, bot, anna):
    rice = anna.topic(7)
    await rice.say("which rice?")
    (update,) = await bot.get_updates()
    await bot.send_message(42, "basmati", message_thread_id=update.message.message_thread_id)
    await bot.send_message(42, "elsewhere")

    assert update.message.is_topic_message
    assert [line.text for line in rice.screen()] == ["which rice?", "basmati"]
    with pytest.raises(BadRequest, match="Message thread not found"):
        await bot.send_message(42, "hello", message_thread_id=8)


async def test_a_long_text_of_a_user_is_split(bot, anna):
    await anna.say("😀" * 2049)

    lengths = [len(update.message.text) for update in await bot.get_updates()]
    assert lengths == [2048, 1]


# --- floods ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("anna")
async def test_a_flood_is_refused_and_retrying_extends_the_penalty(api, bot, clock, monkeypatch):
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    api.enable_flood_limits()
    message = await bot.send_message(42, "0")
    for i in range(1, 5):
        await message.edit_text(str(i))

    waits = []
    for _ in range(2):
        with pytest.raises(RetryAfter) as refused:
            await bot.send_message(42, "more")
        waits.append(refused.value.retry_after)
    assert waits == [timedelta(seconds=1), timedelta(seconds=6)]
    await bot.send_message_draft(42, 1, "drafts have their own budget")
    clock.time += 6
    await bot.send_message(42, "more")


async def test_a_group_takes_twenty_messages_a_minute(api, clock):
    api.enable_flood_limits()
    api.group(-100)
    for i in range(20):
        await api.call("sendMessage", {"chat_id": -100, "text": str(i)})

    with pytest.raises(BotApiError, match="retry after 3"):
        await api.call("sendMessage", {"chat_id": -100, "text": "20"})


# --- faults ---------------------------------------------------------------------------------------


async def test_planned_errors_occur_as_often_as_planned(api, bot, anna):
    api.fail("sendMessage", times=2, code=502)
    for _ in range(2):
        with pytest.raises(NetworkError, match="Bad Gateway"):
            await bot.send_message(42, "hello")
    await bot.send_message(42, "hello")

    assert [call.outcome for call in api.calls_to("sendMessage")] == [
        "502 Bad Gateway",
        "502 Bad Gateway",
        "ok",
    ]


async def test_planned_401_and_429_errors_look_like_telegrams(api, bot, anna, monkeypatch):
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    api.fail("getUpdates", code=401)
    api.flood("sendMessage", retry_after=10)

    with pytest.raises(InvalidToken):
        await bot.get_updates()
    with pytest.raises(RetryAfter) as refused:
        await bot.send_message(42, "hello")
    assert refused.value.retry_after == timedelta(seconds=10)


async def test_every_nth_call_can_fail(api, bot):
    api.fail_every(3, "getMe", code=500)
    for _ in range(2):
        await bot.get_me()
        await bot.get_me()
        with pytest.raises(NetworkError):
            await bot.get_me()


@pytest.mark.parametrize(("processed", "shown"), [(True, ["hello"]), (False, [])])
async def test_a_dropped_call_has_or_has_not_been_processed(api, bot, anna, processed, shown):
    api.drop("sendMessage", processed=processed)
    with pytest.raises(NetworkError):
        await bot.send_message(42, "hello")

    assert [line.text for line in anna.screen()] == shown


async def test_a_hanging_call_is_processed_and_times_out_at_the_client(api, bot, anna):
    api.hang("sendMessage")
    with pytest.raises(telegram.error.TimedOut):
        await bot.send_message(42, "hello", read_timeout=0.05)
    await api.wait_for(lambda: api.calls_to("sendMessage")[0].outcome == "gone")

    assert anna.last.text == "hello"


async def test_a_hanging_call_can_be_released(api, bot, anna):
    fault = api.hang("sendMessage")
    send = asyncio.create_task(bot.send_message(42, "hello"))
    await anna.wait_text("hello")
    fault.release()

    with pytest.raises(NetworkError):
        await send


async def test_garbage_is_a_200_with_invalid_json(api, telegram_url, bot):
    api.garbage("getMe", times=2)
    with pytest.raises(telegram.error.TelegramError, match="Invalid server response"):
        await bot.get_me()

    async with httpx.AsyncClient(verify=False) as client:
        answer = await client.get(f"{telegram_url}/bot{api.token}/getMe")
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


async def test_an_older_server_lacks_methods(api, bot, anna):
    api.remove_methods("sendMessageDraft")
    with pytest.raises(InvalidToken):
        await bot.send_message_draft(42, 1, "Once")
    api.remove_methods("sendRichMessage")
    with pytest.raises(telegram.error.EndPointNotFound):
        await bot.do_api_request("sendRichMessage", {"chat_id": 42, "rich_message": {}})


# --- observing ------------------------------------------------------------------------------------


async def test_subscribers_get_every_change_as_json(api, bot, anna):
    with api.subscribe() as events:
        await anna.say("hello")
        await bot.send_message(42, "Hello Anna")
    kinds = [json.loads(json.dumps(event))["event"] async for event in events]

    assert kinds == ["message", "update", "message", "call"]


async def test_a_wait_that_times_out_shows_the_screen(api, anna):
    await anna.say("hello")

    with pytest.raises(AssertionError, match="#1 Anna: hello"):
        await api.wait_for(lambda: False, seconds=0.01)
    with pytest.raises(AssertionError, match="#1 Anna: hello"):
        await anna.wait_answer(seconds=0.01)


@pytest.mark.parametrize(
    "text",
    [
        "/new",
        "/new@ambrosio_bot",
        "(/new)",
        "a /new b",
        "1/2",
        "é/new",
        "</b>",
        "/b>",
        "/a/b",
        "@/new",
        "/new@ab",
        "/new@ x",
        "/new@" + "a" * 33,
        "/new@bot@x",
        "/newé",
        "🙂/new",
        "/" + "a" * 65,
    ],
)
def test_commands_are_found_as_tdlib_finds_them(text):
    request = {"@type": "getTextEntities", "text": text}
    expected = [
        (entity["offset"], entity["length"])
        for entity in execute(**request)["entities"]
        if entity["type"]["@type"] == "textEntityTypeBotCommand"
    ]
    found = [
        (entity["offset"], entity["length"])
        for entity in find_entities(text)
        if entity["type"] == "bot_command"
    ]
    assert found == expected
