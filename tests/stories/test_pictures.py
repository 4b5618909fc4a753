"""A picture is looked at by a model that sees, wherever it comes from and whatever it is."""

import asyncio
import base64
import signal
import zipfile
from io import BytesIO

import pytest

from ambrosio.core.messages import Chat, PicturePart, Turn
from ambrosio.emulators.model_server.server import Holds, Says
from ambrosio.store import Store, TurnResult
from ambrosio.store.pictures import folder_of

from ..support.bad_files import refusal_of
from ..support.gguf_model import REPLY
from ..support.heif_files import BLUE, RED, grid, irot
from ..support.media_files import kind_and_size, picture
from ..support.running_bot import OWNER, running_bot
from ..support.vision_model import make_vision
from .test_crash import process

JPEG = picture("jpeg", 1280, 960)
MIDDLE, SMALL = picture("jpeg", 800, 600), picture("jpeg", 320, 240)
QWEN = "Qwen/Qwen3.5-9B"
AWAY = {"local": False, "vision": True, "model": "openai/gpt-oss-120b"}
HEIC = grid(RED, BLUE, more=[irot(3)], size=(128, 60))


def shown(request, number=-1):
    """Return the pictures of one message of a request, as the model gets them."""
    content = request.body["messages"][number]["content"]
    urls = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
    assert all(url.startswith("data:image/jpeg;base64,") for url in urls)
    return [base64.b64decode(url.partition(",")[2]) for url in urls]


def kept(folder):
    found = folder_of(folder / "ambrosio.db")
    return sorted(found.iterdir()) if found and found.exists() else []


@pytest.mark.usefixtures("life")
class TestAPhoto:
    async def test_is_seen_as_it_was_sent_and_still_in_the_next_questions(self, anna, model):
        model.script(Says("A cat."), Says("Three."))
        await anna.send_photo(JPEG, smaller=(SMALL, MIDDLE), caption="what is this?")
        await anna.wait_text("A cat.")
        await anna.say("how old?")
        await anna.wait_text("Three.")
        first, second = model.requests

        assert (first.question, second.question) == ("what is this?", "how old?")
        assert shown(first) == [MIDDLE]
        assert second.body["messages"][: len(first.messages)] == first.body["messages"]

    async def test_goes_to_nobody_as_an_address(self, anna, api, model):
        await anna.send_photo(JPEG, caption="what is this?")
        await anna.wait_answer()

        assert api.token not in str(model.requests[0].body)
        assert "/file/bot" not in str(model.requests[0].body)

    @pytest.mark.parametrize(
        ("caption", "concise", "asked"),
        [
            ("Vv what is this?", True, "vv what is this?"),
            ("vv", True, "vv Was ist das?"),
            ("", False, "Was ist das?"),
        ],
    )
    async def test_is_asked_about_in_its_caption_or_the_persons_language(
        self, anna, model, life, caption, concise, asked
    ):
        anna.user["language_code"] = "de-AT"
        model.script(Says("Eine Katze."))
        await anna.send_photo(SMALL, caption=caption)
        await anna.wait_text("Eine Katze.")

        assert model.requests[0].question == asked
        assert shown(model.requests[0]) == [SMALL]
        history = life.store.conversations.history(1)
        assert [past.concise for past in history] == [concise]

    async def test_of_an_album_is_one_of_up_to_ten_in_one_question(self, anna, model, life):
        model.script(Says("The third."))
        photos = [picture("jpeg", 90 + number, 90) for number in range(10)]
        await anna.send_album(10, contents=photos, caption="which is best?")
        await anna.wait_text("The third.")
        await life.settled()

        assert shown(model.requests[0]) == photos
        assert len(model.requests) == len(anna.answers) == 1

    @pytest.mark.parametrize(
        ("content", "name", "mime", "size"),
        [
            (picture("webp", 2000, 1000), "photo.bin", "image/webp", (800, 400)),
            (HEIC, "IMG_1.HEIC", "image/heic", (60, 128)),
        ],
        ids=["WebP", "HEIC"],
    )
    async def test_as_a_file_is_turned_upright_and_made_smaller(
        self, anna, model, content, name, mime, size
    ):
        await anna.send_document(content, name, mime=mime, caption="what is this?")
        await anna.wait_answer()
        [seen] = shown(model.requests[0])

        assert kind_and_size(seen) == ("JPEG", size)

    async def test_of_somebody_else_is_seen_by_who_replies_to_it(self, api, anna, model, life):
        group = api.group(-1001, "Family")
        life.store.people.set_group(-1001, "Family")
        ben = group.as_user(api.person(43, "Ben"))
        theirs = await ben.send_photo(SMALL, caption="my new cat")
        model.script(Says("A cat."))
        await group.as_user(api.person(OWNER, "Anna")).say(
            "@ambrosio_bot what is this?", reply_to=theirs
        )
        await api.wait_for(lambda: model.requests)

        assert shown(model.requests[0]) == [SMALL]
        assert model.requests[0].question == "> my new cat\n\nwhat is this?"

    async def test_that_is_edited_is_looked_at_with_its_new_question(self, anna, model):
        model.script(Says("A cat."), Says("Black."))
        sent = await anna.send_photo(SMALL, caption="what is this?")
        await anna.wait_text("A cat.")
        await anna.edit(sent, "what colour?")
        await anna.wait_text("Black.")

        assert model.requests[1].question == "what colour?"
        assert shown(model.requests[1]) == [SMALL]
        assert len(anna.answers) == 1

    async def test_takes_long_at_home_and_says_so(self, anna, model):
        held = asyncio.Event()
        model.script(Holds("", held))
        await anna.send_photo(SMALL, caption="what is this?")
        assert "Looking at it" in await anna.wait_draft("Looking")
        held.set()


@pytest.mark.usefixtures("life")
class TestASticker:
    async def test_is_its_emoji_and_its_picture(self, anna, model):
        await anna.send_sticker(picture("webp", 64, 64))
        await anna.wait_answer()

        assert model.requests[0].question == "🙂"
        assert len(shown(model.requests[0])) == 1

    @pytest.mark.parametrize("why", ["it moves", "nobody sees", "it is damaged"])
    async def test_is_its_emoji_alone_where_it_cannot_be_shown(self, anna, model, why):
        model.vision = why != "nobody sees"
        content = b"RIFF" if why == "it is damaged" else picture("webp", 64, 64)
        await anna.send_sticker(content, moves=why == "it moves")
        await anna.wait_answer()

        assert model.requests[0].body["messages"][-1]["content"].endswith("\n\n🙂")


class TestABlindModel:
    async def test_is_not_asked_where_another_one_sees(
        self, api, telegram_url, tmp_path, model, model_url, painter, painter_url, anna
    ):
        model.vision = False
        painter.script(Says("A cat."))
        async with running_bot(
            api,
            telegram_url,
            tmp_path,
            llama_base_url=model_url,
            providers={"away": {**AWAY, "base_url": painter_url}},
        ):
            await anna.send_photo(JPEG, smaller=(MIDDLE,), caption="what is this?")
            answer = await anna.wait_text("A cat.")

        assert answer.text == "A cat.\n\nvia away · llama cannot see pictures"
        assert shown(painter.requests[0]) == [JPEG]
        assert model.requests == []

    async def test_names_one_that_sees_and_a_button_asks_it(
        self, api, telegram_url, tmp_path, painter, painter_url, anna
    ):
        painter.models[QWEN] = "chat"
        painter.script(Says("A cat."), Says("Three."))
        async with running_bot(
            api,
            telegram_url,
            tmp_path,
            together_api_key="key",
            together_base_url=painter_url,
            llama_base_url=None,
            ambrosio_route=("together",),
        ):
            await anna.send_photo(JPEG, caption="what is this?")
            said = await anna.wait_text("cannot see pictures")
            await anna.press(f"Ask together/{QWEN}")
            await anna.wait_text("A cat.")
            await anna.say("how old?")
            await anna.wait_text("Three.")

        assert said.text == f"together cannot see pictures. Switch to together/{QWEN}, which can."
        assert [request.model for request in painter.requests] == [QWEN, QWEN]
        assert shown(painter.requests[1], 1) == shown(painter.requests[0]) == [JPEG]

    async def test_in_private_stays_the_only_one(
        self, api, telegram_url, tmp_path, model, model_url, painter, painter_url, anna
    ):
        model.vision = False
        async with running_bot(
            api,
            telegram_url,
            tmp_path,
            llama_base_url=model_url,
            providers={"away": {**AWAY, "base_url": painter_url}},
            ambrosio_private_default="on",
        ) as life:
            await anna.send_photo(JPEG, caption="what is this?")
            said = await anna.wait_text("This is private")
            await life.settled()
            assert life.store.conversations.is_local_only(Chat(OWNER), 1)

        assert "Leave private mode" in str(said.buttons)
        assert painter.requests == model.requests == []
        assert "llama cannot see pictures" in said.text


async def test_the_real_llama_cpp_looks_at_a_photo_and_reads_it_once(
    api, telegram_url, tmp_path, anna
):
    model = make_vision(tmp_path / "models")
    async with running_bot(
        api, telegram_url, tmp_path, sleep=asyncio.sleep, llama_gguf=str(model), llama_threads=1
    ) as life:
        await anna.send_photo(JPEG, smaller=(MIDDLE,), caption="tell about rice")
        await anna.wait_text(REPLY)
        await anna.say("question number two")
        await anna.wait_until(lambda: len(anna.answers) == 2, "no second answer", 40)
        await life.settled()
        calls = life.store.database.read("SELECT prompt_tokens, cached_tokens FROM ledger")

    prompts = [row["prompt_tokens"] for row in calls]
    read = [row["prompt_tokens"] - row["cached_tokens"] for row in calls]
    assert [answer.text for answer in anna.answers] == [REPLY] * 2
    assert read[0] > 150
    assert read[1] <= 0.1 * prompts[1]


async def test_killed_between_the_download_and_the_answer_it_looks_once_more(
    api, telegram_url, model, model_url, tmp_path, anna
):
    held = asyncio.Event()
    model.script(Holds("Half of an", held), Says("A cat."), Says("Fine."))
    async with process(api, telegram_url, model_url, tmp_path) as first:
        await anna.send_photo(SMALL, caption="what is this?")
        await model.wait_for(lambda: any(it.words for it in model.served))
        first.send_signal(signal.SIGKILL)
        await first.wait()
    held.set()
    async with process(api, telegram_url, model_url, tmp_path):
        await anna.wait_text("A cat.")
        await anna.say("thanks")
        await anna.wait_text("Fine.")

    asked = [request for request in model.requests if request.question]
    assert [shown(request, 1) for request in asked] == [[SMALL]] * 3
    assert len(anna.answers) == 2
    assert [path.read_bytes() for path in kept(tmp_path)] == [SMALL]


@pytest.mark.usefixtures("life")
class TestBadPictures:
    @pytest.mark.parametrize(
        ("content", "name", "says"),
        [
            (JPEG[:-500], "photo.jpg", "damaged or incomplete"),
            (b"\x89PNG\r\n\x1a\n" + bytes(40), "a.png", "damaged or incomplete"),
            (b"", "empty.jpg", "nothing to read in"),
            (HEIC[:-9], "IMG_1.HEIC", "damaged or incomplete"),
            (b"MZ\x90\0" + bytes(range(256)), "photo.jpg", "cannot read this kind of file"),
            (bytes(20_000_001), "huge.png", "larger than 20 MB"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_get_one_line_and_the_next_message_an_answer(
        self, anna, model, content, name, says
    ):
        assert says in await refusal_of(anna, model, content, name)

    async def test_a_photo_that_telegram_does_not_hand_over_is_told(self, anna, api, model):
        api.fail("getFile", code=502, times=3)
        model.script(Says("A cat."))
        await anna.send_photo(SMALL)
        line = await anna.wait_answer()
        await anna.send_photo(SMALL)
        await anna.wait_text("A cat.")

        assert line.text == "I could not get this file from Telegram. Try again in a moment."

    async def test_one_failure_of_the_network_is_not_told(self, anna, api, model):
        api.fail("getFile", code=502, times=1)
        model.script(Says("A cat."))
        await anna.send_photo(SMALL)
        await anna.wait_text("A cat.")

        assert len(anna.answers) == 1


class TestKeeping:
    async def test_what_is_forgotten_leaves_no_byte(self, anna, life, tmp_path):
        await anna.send_photo(SMALL, caption="what is this?")
        await anna.wait_answer()
        await life.settled()
        before = [path.read_bytes() for path in kept(tmp_path)]
        await anna.say("/forget")
        await anna.wait_text("What should I delete?")
        await anna.press("Everything I ever wrote")
        await anna.wait_text("Deleted 1 question")

        assert before == [SMALL]
        assert kept(tmp_path) == []

    async def test_an_export_brings_the_pictures_along(self, anna, api, life, model):
        model.script(Says("A cat."))
        await anna.send_photo(SMALL, caption="what is this?")
        await anna.wait_text("A cat.")
        await anna.say("/export")
        await api.wait_for(lambda: len([it for it in anna.answers if it.document]) == 3)
        await life.settled()
        sent = [message for message in anna.chat.messages.values() if "document" in message]
        text, _, packed = [
            api.state.files.get(message["document"]["file_id"]).content for message in sent
        ]

        with zipfile.ZipFile(BytesIO(packed)) as pictures:
            [name] = pictures.namelist()
            assert pictures.read(name) == SMALL
        assert f"![]({name})" in text.decode()

    async def test_a_group_that_moves_keeps_what_was_shown(self, tmp_path, clock):
        with Store(tmp_path / "ambrosio.db", now=clock) as store:
            part = PicturePart(store.pictures.keep(SMALL), 320, 240)
            turn = Turn(Chat(-5), 1, OWNER, "what is this?", pictures=(part,))
            turn_id = store.finish(None, result=TurnResult(turn, "A cat."))
            store.move_chat(-5, -1005)
            [past] = store.conversations.history(turn_id)

            assert store.pictures.read(past.pictures[0].hash) == SMALL
