"""What phones really send: edits that change nothing, albums, pastes, forwards, quotes."""

import asyncio

import pytest

from ambrosio.emulators.botapi.files import Upload
from ambrosio.emulators.model_server.server import Holds, Says

from ..support.erasing import forget_person
from ..support.media_files import picture
from ..support.running_bot import OWNER, running_bot
from .test_crash import process

JPEG = picture("jpeg", 64, 64)
ANNA = {"id": OWNER, "is_bot": False, "first_name": "Anna"}

PREVIEW = {"type": "preview", "width": 90, "height": 60, "duration": 0}
TASKS = [{"id": 1, "text": "rice"}, {"id": 2, "text": "tea", "completion_date": 1_800_000_000}]
CHAT = {"id": -100, "type": "channel", "title": "News"}
FLAGS = dict.fromkeys(
    ("is_closed", "allows_multiple_answers", "allows_revoting", "members_only"), False
)
OPTIONS = [{"text": text, "voter_count": 1, "persistent_id": text} for text in ("a", "b")]
QUIZ = {"id": "1", "question": "Rice?", "options": OPTIONS, "total_voter_count": 2, **FLAGS}
CANNOT = "I cannot read this kind of message. Type your question instead."
# What else apps send, and what the model is asked, or the bot says; nothing where it is news.
FATES = {
    "a live location": (
        {"location": {"latitude": 41.1, "longitude": 2.1, "live_period": 900}},
        "Location: 41.1, 2.1",
    ),
    "a quiz with its answer": (
        {"poll": {**QUIZ, "is_anonymous": True, "type": "quiz", "correct_option_ids": [1]}},
        "Quiz: Rice?; a; b (right)",
    ),
    "a contact without a number": (
        {"contact": {"first_name": "Ben", "phone_number": ""}},
        "Contact: Ben",
    ),
    "a checklist": (
        {"checklist": {"title": "Shopping", "tasks": TASKS}},
        "Checklist: Shopping; rice; tea (done)",
    ),
    "a game": (
        {"game": {"title": "Chess", "description": "For two", "photo": []}},
        "Game: Chess, For two",
    ),
    "an invoice": (
        {
            "invoice": {
                "title": "Rice",
                "description": "1 kg",
                "start_parameter": "",
                "currency": "EUR",
                "total_amount": 300,
            }
        },
        "Invoice: Rice, 1 kg",
    ),
    "paid media": (
        {"paid_media": {"star_count": 5, "paid_media": [PREVIEW]}},
        "I cannot see paid photos and videos yet. Send a photo, or type your question.",
    ),
    "a giveaway": (
        {
            "giveaway": {
                "chats": [CHAT],
                "winner_count": 3,
                "winners_selection_date": 1_800_000_000,
            }
        },
        CANNOT,
    ),
    "a kind from the future": ({"hologram": {"file_id": "h"}}, CANNOT),
    "tasks that were done": ({"checklist_tasks_done": {"marked_as_done_task_ids": [1]}}, ""),
    "a boost": ({"boost_added": {"boost_count": 1}}, ""),
    "a call that ended": ({"video_chat_ended": {"duration": 3}}, ""),
}


def asked(model):
    return [request.question for request in model.requests if request.question]


@pytest.mark.usefixtures("life")
class TestAnEditWithoutAChange:
    @pytest.mark.parametrize("said", ["hello", "/new", "/vv", "/help", "vv tea?", "/compare why?"])
    async def test_does_nothing(self, anna, life, model, said):
        message = await anna.say(said)
        await anna.wait_answer()
        await life.settled()
        before, requests = anna.screen(), len(model.requests)
        await anna.touch(message)
        await life.settled()

        assert anna.screen() == before
        assert len(model.requests) == requests

    async def test_does_not_restart_the_answer_under_way(self, anna, life, model):
        held = asyncio.Event()
        model.script(Holds("Wet", held))
        message = await anna.say("weather?")
        await model.wait_for(lambda: model.served[0].words)
        await anna.touch(message)
        await life.api.wait_for(lambda: not life.api.updates.pending)
        held.set()
        await anna.wait_text("Wet")

        assert len(asked(model)) == 1

    async def test_old_new_does_not_cut_what_came_after_it(self, anna, life, model):
        message = await anna.say("/new")
        await anna.wait_answer()
        model.script(Says("Hello Anna."))
        await anna.say("I am Anna")
        await anna.wait_text("Hello Anna.")
        await anna.touch(message)
        await anna.say("who am I?")
        await anna.wait_answer()

        assert ("user", "I am Anna") in model.requests[-1].messages

    async def test_a_real_edit_is_answered_and_then_compared_with(self, anna, life, model):
        model.script(Says("Wet."), Says("Hot."))
        message = await anna.say("weather in Bergen?")
        await anna.wait_text("Wet.")
        await anna.edit(message, "weather in Seville?")
        await anna.wait_text("Hot.")
        await anna.touch(message)
        await life.settled()

        assert len(asked(model)) == 2

    async def test_another_address_behind_the_same_words_is_a_change(self, anna, life, model):
        link = {"type": "text_link", "offset": 0, "length": 4, "url": "https://e.org/1"}
        message = await anna.say("this", entities=[link])
        await anna.wait_answer()
        await anna.edit(message, "this", entities=[{**link, "url": "https://e.org/2"}])
        await model.wait_for(lambda: len(asked(model)) == 2)

        assert asked(model) == ["this (https://e.org/1)", "this (https://e.org/2)"]

    async def test_of_a_forgotten_message_neither(self, anna, life, model):
        message = await anna.say("hello")
        await anna.wait_answer()
        forget_person(life.store, OWNER)
        await anna.touch(message)
        await life.settled()

        assert len(asked(model)) == 1

    async def test_a_live_location_that_moves_is_not_asked_again(self, anna, life, model):
        message = await anna.send_location()
        await anna.wait_answer()
        anna.chat.messages[message]["location"]["latitude"] = 46.0
        await anna.touch(message)
        await life.settled()

        assert asked(model) == ["Location: 45.4, 12.3"]


async def test_an_unchanged_edit_after_a_restart_does_nothing(
    api, telegram_url, tmp_path, model, model_url, anna
):
    async with running_bot(api, telegram_url, tmp_path, llama_base_url=model_url) as life:
        message = await anna.say("hello")
        await anna.wait_answer()
        await life.settled()
    async with running_bot(api, telegram_url, tmp_path, llama_base_url=model_url) as life:
        await anna.touch(message)
        await api.wait_for(lambda: not api.updates.pending)
        await life.settled()

    assert asked(model) == ["hello"]


@pytest.mark.usefixtures("life")
class TestSeveralMessagesThatAreOne:
    async def test_an_album_gets_one_reply(self, anna, life, model):
        await anna.send_album(4, contents=[JPEG] * 4, caption="which is best?")
        await anna.wait_answer()
        await life.settled()

        assert len(anna.answers) == 1
        assert asked(model) == ["which is best?"]
        assert model.requests[0].image_count == 4

    async def test_two_albums_and_a_question_get_three(self, anna, life):
        await anna.send_album(2, contents=[JPEG] * 2)
        await anna.send_album(3, contents=[JPEG] * 3)
        await anna.say("hello")
        await life.settled()

        assert len(anna.answers) == 3

    async def test_a_paste_in_two_messages_is_one_question(self, anna, life, model):
        paste = "x" * 5000 + " what is this?"
        await anna.say(paste)
        await anna.wait_answer()
        await life.settled()

        assert asked(model) == [paste]

    async def test_a_paste_cut_at_a_line_keeps_the_line(self, anna, life, model):
        await anna.say("a" * 4050)
        await anna.say("/etc/hosts is the end")
        await anna.wait_answer()
        await life.settled()

        assert asked(model) == ["a" * 4050 + "\n/etc/hosts is the end"]

    async def test_a_long_command_takes_its_rest_along(self, anna, life, model):
        await anna.say("/compare " + "y" * 5000)
        await anna.wait_answer()
        await life.settled()

        assert asked(model) == ["y" * 5000]

    @pytest.mark.parametrize("comment_first", [True, False])
    async def test_a_forward_and_a_comment_are_one_turn(self, anna, life, model, comment_first):
        if comment_first:
            await anna.forward("Rice grows on trees.", "News", comment="vv true?")
        else:
            await anna.forward("Rice grows on trees.", "News")
            await anna.say("vv true?")
        await anna.wait_answer()
        await life.settled()

        parts = ["true?", "Forwarded from News:\nRice grows on trees."]
        said = "\n\n".join(parts if comment_first else reversed(parts))
        assert asked(model) == [f"vv {said}"]

    async def test_forwards_of_one_batch_are_one_turn(self, anna, life, model):
        for name in ("Bert", "Carla", "Dora"):
            await anna.forward(f"{name} is here.", name)
        await anna.wait_answer()
        await life.settled()

        assert len(asked(model)) == 1
        assert asked(model)[0].count("Forwarded from") == 3

    async def test_a_forward_that_comes_while_its_comment_is_answered_joins_it(
        self, anna, life, model
    ):
        model.script(Holds("Hm", asyncio.Event()), Says("No."))
        await anna.say("is this true?")
        await model.wait_for(lambda: model.served[0].words)
        await anna.forward("Rice grows on trees.", "News")
        await anna.wait_text("No.")
        await life.settled()

        joined = "is this true?\n\nForwarded from News:\nRice grows on trees."
        assert asked(model) == ["is this true?", joined]
        assert [line.text for line in anna.answers] == ["No."]

    async def test_a_part_that_is_edited_is_answered_with_the_rest(self, anna, life, model):
        model.script(Says("No."), Says("Yes."))
        await anna.forward("Rice grows on trees.", "News")
        comment = await anna.say("true?")
        await anna.wait_text("No.")
        await anna.edit(comment, "false?")
        await anna.wait_text("Yes.")

        assert asked(model)[1] == "Forwarded from News:\nRice grows on trees.\n\nfalse?"
        assert [line.text for line in anna.answers] == ["Yes."]

    async def test_ordinary_messages_are_not_joined_and_wait_for_nothing(
        self, anna, life, model, clock
    ):
        began = clock()
        for said in ("one", "two", "three"):
            await anna.say(said)
        await model.wait_for(lambda: len(asked(model)) == 3)

        assert asked(model) == ["one", "two", "three"]
        assert clock() - began < 1

    async def test_a_command_behind_a_forward_is_a_command(self, anna, life, model):
        await anna.forward("Rice grows on trees.", "News")
        await anna.say("/help")
        await anna.wait_text("/imagine")
        await life.settled()

        assert asked(model) == ["Forwarded from News:\nRice grows on trees."]

    async def test_in_a_group_the_unaddressed_part_comes_along(self, api, life, model):
        anna = api.person(OWNER)
        group = api.group(-100900, "House", privacy=False)
        life.store.people.set_group(-100900, "House")
        await group.say(anna, "@ambrosio_bot " + "z" * 5000)
        await group.as_user(anna).wait_answer()
        await life.settled()

        assert asked(model) == ["z" * 5000]


async def test_an_album_killed_in_the_middle_gets_one_reply(
    api, telegram_url, tmp_path, model, model_url, anna
):
    message = {"chat": {"id": OWNER, "type": "private", "first_name": "Anna"}, "from": ANNA}

    def part(number):
        file_id = api.state.files.add(Upload("photo.jpg", JPEG))
        size = {"file_id": file_id, "file_unique_id": f"u{number}", "width": 9, "height": 9}
        album = {"media_group_id": "A1", "photo": [size], "date": 1, "message_id": 500 + number}
        return {"message": {**message, **album}}

    async with process(api, telegram_url, model_url, tmp_path) as first:
        await api.wait_for(lambda: api.calls_to("getUpdates"))
        api.inject(part(1))
        api.inject(part(2))
        await api.wait_for(lambda: not api.updates.pending)
        first.kill()
        await first.wait()
    api.inject(part(3))
    async with process(api, telegram_url, model_url, tmp_path):
        api.inject(part(4))
        await anna.wait_answer(after=0)
        await api.wait_for(lambda: not api.updates.pending)
        await anna.say("/help")
        await anna.wait_text("/imagine")

    assert len(anna.answers) == 2
    # The model may have been warmed up before.
    assert [request.image_count for request in model.requests if request.question] == [4]


@pytest.mark.usefixtures("life")
class TestWhatReachesTheModel:
    @pytest.mark.parametrize(
        ("text", "link", "says"),
        [
            ("Sum up this page for me", (7, 9), "Sum up this page (https://e.org/p) for me"),
            ("🙂 see here", (3, 8), "🙂 see here (https://e.org/p)"),
            ("vv this", (0, 7), "vv this (https://e.org/p)"),
            ("https://e.org/p", (0, 15), "https://e.org/p"),
            ("this  page", (0, 5), "this (https://e.org/p)  page"),
        ],
    )
    async def test_an_address_behind_words(self, anna, model, text, link, says):
        offset, length = link
        entity = {"type": "text_link", "url": "https://e.org/p", "offset": offset, "length": length}
        await anna.say(text, entities=[entity])
        await anna.wait_answer()

        assert asked(model) == [says]

    @pytest.mark.parametrize(
        ("send", "says"),
        [
            (lambda anna: anna.send_sticker(), "🙂"),
            (lambda anna: anna.send_poll(), "Quiz: Rice?; a; b"),
            (lambda anna: anna.send_location(), "Location: 45.4, 12.3"),
            (lambda anna: anna.send_venue("Café", "Via 1"), "Venue: Café, Via 1 (45.4, 12.3)"),
            (lambda anna: anna.send_contact("Bert", "+1 555"), "Contact: Bert, +1 555"),
            (lambda anna: anna.send_dice(), "Dice: 🎲 5"),
        ],
    )
    async def test_a_thing_in_one_line(self, anna, model, send, says):
        await send(anna)
        await anna.wait_answer()

        assert asked(model) == [says]

    async def test_whatever_else_apps_send_has_a_fate(self, anna, life, model):
        """A line to the model, a line that says why not, or silence where nobody has written."""
        for content, fate in FATES.values():
            model.requests.clear()
            before = len(anna.answers)
            anna._post(content)
            await life.settled()
            lines = [shown.text for shown in anna.answers][before:]

            assert asked(model) == ([] if fate.startswith("I cannot") or not fate else [fate])
            assert len(lines) == bool(fate)
            assert not fate.startswith("I cannot") or lines == [fate]

    async def test_a_quote_of_a_channel(self, anna, model):
        news = {"id": -1009, "type": "channel", "title": "News"}
        origin = {"type": "channel", "date": 1, "chat": news, "message_id": 7}
        quote = {"text": "Rice grows on trees.", "position": 0}
        await anna.say("is this true?", external_reply={"origin": origin}, quote=quote)
        await anna.wait_answer()

        assert asked(model) == [
            "News wrote in another chat:\n> Rice grows on trees.\n\nis this true?"
        ]

    async def test_a_story_and_a_line_that_it_is_not_seen(self, anna, model):
        news = {"id": -1009, "type": "channel", "title": "News"}
        await anna.say("what is this?", reply_to_story={"chat": news, "id": 5})
        answer = await anna.wait_answer()

        assert "story of News" in asked(model)[0]
        assert "I cannot see the story" in answer.text

    async def test_what_our_own_people_said_elsewhere_stays_there(self, anna, model):
        origin = {"type": "user", "date": 1, "sender_user": ANNA}
        await anna.say(
            "and?", external_reply={"origin": origin}, quote={"text": "x7", "position": 0}
        )
        answer = await anna.wait_answer()

        assert "x7" not in asked(model)[0]
        assert "message from another chat" in answer.text

    async def test_the_names_of_speakers_once_there_are_two(self, api, life, model):
        anna, bert = api.person(OWNER, "Anna"), api.person(43, "Bert")
        group = api.group(-100900, "House")
        life.store.people.set_group(-100900, "House")
        life.store.database.connection.execute("INSERT INTO people VALUES (43, 'Bert', 0)")
        for person, said in ((anna, "rice?"), (bert, "vv tea?"), (anna, "both?")):
            question = await group.say(person, f"@ambrosio_bot {said}")
            await group.as_user(person).wait_answer(after=question)
            await life.settled()

        assert asked(model) == ["rice?", "vv Bert: tea?", "Anna: both?"]

    async def test_an_anonymous_admin_gets_a_hint_once_and_no_answer(self, api, life, model):
        group = api.group(-100900, "House")
        life.store.people.set_group(-100900, "House")
        for _ in range(3):
            await group.as_anonymous().say("@ambrosio_bot hello")
        await group.as_anonymous().wait_text("Remain Anonymous")
        await life.settled()

        assert len(api.calls_to("sendMessage")) == 1
        assert asked(model) == []

    async def test_in_a_foreign_group_an_anonymous_admin_gets_nothing(self, api, anna, life):
        group = api.group(-100901, "Elsewhere")
        await group.as_anonymous().say("@ambrosio_bot hello")
        await anna.say("hello")
        await anna.wait_answer()

        assert group.screen()[-1].text == "@ambrosio_bot hello"


async def test_an_edited_answer_leaves_no_action_behind(anna, life, model, api):
    message = await anna.say("one")
    await anna.wait_answer()
    await life.settled()
    before = len(anna.actions)
    model.script(Says("Done."))
    await anna.edit(message, "two")
    await anna.wait_text("Done.")

    assert len(anna.actions) == before
