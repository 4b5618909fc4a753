"""/imagine from the phone to the album and back, over real HTTP."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from ambrosio.core.costs import Expense
from ambrosio.core.messages import Chat, ModelRef
from ambrosio.core.texts import IMAGE_DELETED
from ambrosio.emulators.model_server.drawing import draw_png
from ambrosio.emulators.model_server.server import (
    Dies,
    ErrorStatus,
    FakeModelServer,
    HangsUp,
    Holds,
    Says,
    SaysNothing,
    SendsImages,
    StallsBefore,
)
from ambrosio.router.budget import Budget
from ambrosio.store import Store

from ..support import DATA
from ..support.running_bot import OWNER, SDXL, running_bot

BUTTONS = ("Again", "Vary", "×4", "File")
# What together asks for a picture of 1024×1024.
LARGE = Decimal("0.0019922944")


@pytest.fixture
def given(painter_url):
    # On loopback, but it shall count as outside and have its price.
    row = {
        "base_url": painter_url,
        "server_kind": "together",
        "model": "openai/gpt-oss-120b",
        "image_model": SDXL,
        "local": False,
        "input_usd": 1,
        "output_usd": 1,
    }
    return {"providers": {"together": row}, "ambrosio_route": ("together",)}


@pytest.fixture
async def house(api, telegram_url, given, tmp_path, anna):
    async with running_bot(api, telegram_url, tmp_path, **given) as life:
        yield life


def seeds(painter):
    return [asked.seed for asked in painter.image_requests]


def sent_files(api):
    """List the bytes of everything that went up, in order."""
    return [upload.content for upload in api.files.uploads.values()]


def spent(life):
    return life.store.ledger.spent(0)


# --- the result -----------------------------------------------------------------------------------


async def test_a_prompt_comes_back_as_a_photo(house, anna, painter, api):
    await anna.say("/imagine a red fox in the snow --seed 7")

    photo = await anna.wait_answer()

    assert photo.photo == (1024, 1024)
    details = photo.text.removeprefix("a red fox in the snow\n\n")
    parts = details.split(" · ")
    assert parts[:4] == ["SDXL at together", "seed 7", "30 steps", "1024×1024"]
    assert parts[4].endswith(" s")
    assert parts[5:] == ["$0.0020"]
    assert photo.buttons == BUTTONS
    assert [each.type for each in photo.entities] == ["italic"]
    assert sent_files(api) == [draw_png("a red fox in the snow", 7, 1024, 1024)]
    assert painter.image_requests[0].response_format == "base64"
    assert anna.rings == [photo.text]
    await house.settled()
    assert spent(house) == LARGE
    assert [each.provider for each in house.store.chats.visits(Chat(OWNER))] == ["together"]


async def test_several_come_as_an_album_with_the_buttons_behind_it(house, anna, painter, api):
    await anna.say("/imagine a red fox —n 3 --seed 7")

    question = await anna.wait_text("What next?")

    album = anna.answers[:-1]
    assert len({line.album for line in album}) == 1
    assert album[0].album
    assert [line.photo for line in album] == [(1024, 1024)] * 3
    assert album[0].text.startswith("a red fox\n\nSDXL at together · seeds 7, 8, 9")
    assert [line.text for line in album[1:]] == ["", ""]
    assert question.buttons == BUTTONS
    assert sorted(seeds(painter)) == [7, 8, 9]
    # In the order of their seeds, whichever was finished first.
    assert sent_files(api) == [draw_png("a red fox", seed, 1024, 1024) for seed in (7, 8, 9)]
    # The phone rings once for an album; the emulator notes its every part.
    assert anna.rings == [line.text for line in album]


@pytest.mark.parametrize("name", ["fox.png", "fox.webp", "fox.jpg"])
@pytest.mark.usefixtures("house")
async def test_a_real_picture_goes_through_the_whole_line(anna, painter, api, name):
    content = (DATA / name).read_bytes()
    painter.image_script(SendsImages((content,)))
    await anna.say("/imagine a red fox --seed 7")
    photo = await anna.wait_answer()
    await anna.press("File")
    document = await anna.wait_answer(after=photo.message_id)

    assert photo.photo == (1024, 1024)
    assert document.document == "picture-7" + Path(name).suffix
    assert sent_files(api) == [content, content]
    assert api.calls_to("sendDocument")[0].params["disable_content_type_detection"] is True


@pytest.mark.usefixtures("house")
async def test_what_is_no_photo_for_telegram_comes_as_a_document(anna, painter, api):
    wide = draw_png("a", 1, 2100, 100)
    painter.image_script(SendsImages((wide,)))
    await anna.say("/imagine a wall --seed 7")

    answer = await anna.wait_answer()

    assert answer.document == "picture-7.png"
    assert answer.buttons == BUTTONS
    assert api.calls_to("sendPhoto") == []


@pytest.mark.usefixtures("house")
async def test_large_ones_of_an_album_come_as_documents_behind_it(anna, painter):
    small, wide = draw_png("a", 1, 64, 64), draw_png("a", 1, 2100, 100)
    painter.image_script(*(SendsImages((each,)) for each in (small, wide, small)))
    await anna.say("/imagine a wall --n 3")
    await anna.wait_text("What next?")

    kinds = ["photo" if line.photo else "document" for line in anna.answers[:-1]]
    assert kinds == ["photo", "photo", "document"]


@pytest.mark.usefixtures("house")
async def test_a_photo_that_telegram_refuses_comes_as_a_document(anna, api):
    api.fail("sendPhoto", code=400, description="Bad Request: IMAGE_PROCESS_FAILED")
    await anna.say("/imagine a red fox --seed 7")

    answer = await anna.wait_answer()

    assert answer.document == "picture-7.png"


@pytest.mark.usefixtures("house")
async def test_a_long_prompt_is_cut_in_the_caption_only(anna, painter):
    prompt = "🦊" * 1500
    await anna.say(f"/imagine {prompt}")

    photo = await anna.wait_answer()

    assert len(photo.text.encode("utf-16-le")) // 2 <= 1024
    assert "…\n\nSDXL at together" in photo.text
    assert painter.image_requests[0].prompt == prompt


@pytest.mark.usefixtures("house")
async def test_what_a_model_cannot_do_is_said(anna):
    await anna.say("/imagine a red fox --size 4000x2000")

    photo = await anna.wait_answer()

    assert photo.photo == (1920, 960)
    assert "Adjusted for this model: 1920×960 instead of 4000×2000" in photo.text


@pytest.mark.usefixtures("house")
async def test_an_option_that_a_server_refuses_is_said(anna, painter):
    painter.refuses.add("steps")
    await anna.say("/imagine a red fox --steps 20 --seed 7")

    photo = await anna.wait_answer()

    assert "Adjusted for this model: without --steps, which this model refused" in photo.text
    assert "seed 7" in photo.text
    assert "20 steps" not in photo.text


async def test_in_a_group_the_picture_replies_to_the_wish(api, telegram_url, tmp_path, given):
    anna = api.person(OWNER, "Anna")
    group = api.group(-100, "Family")
    async with running_bot(api, telegram_url, tmp_path, **given) as life:
        life.store.people.set_group(-100, "Family")
        asked = await group.say(anna, "/imagine@ambrosio_bot a red fox --n 2")
        await group.as_user(anna).wait_text("What next?")
        await life.settled()

    answers = group.as_user(anna).answers
    assert answers[0].reply_to == asked
    assert answers[0].photo


async def test_in_a_topic_the_picture_stays_there(api, telegram_url, tmp_path, given):
    anna = api.person(OWNER, "Anna")
    group = api.group(-100, "Family", topics={5: "Art"})
    async with running_bot(api, telegram_url, tmp_path, **given) as life:
        life.store.people.set_group(-100, "Family")
        seat = group.as_user(anna, 5)
        await seat.say("/imagine@ambrosio_bot a red fox --n 2")
        await seat.wait_text("What next?")
        await life.settled()

    assert len(seat.answers) == 3
    assert {line.topic for line in seat.answers} == {5}


# --- what is typed --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["imagine", "image", "img"])
@pytest.mark.usefixtures("house")
async def test_alone_it_explains_itself(anna, painter, name):
    await anna.say(f"/{name}")

    answer = await anna.wait_answer()

    assert "/imagine a red fox in the snow" in answer.text
    assert answer.text.count("/imagine ") == 2
    assert painter.image_requests == []


@pytest.mark.usefixtures("house")
@pytest.mark.parametrize("prompt", ["a red fox", "a ```red``` fox"])
async def test_a_wrong_option_gives_the_prompt_back(anna, painter, prompt):
    asked = await anna.say(f"/imagine {prompt} --n 9")
    answer = await anna.wait_answer()
    await anna.edit(asked, "/imagine a red fox --seed 7")
    photo = await anna.wait_answer(after=answer.message_id)

    line, _, text = answer.text.partition("\n\n")
    assert line.startswith("--n 9 does not work. It takes a number from 1 to 4.")
    assert text == f"/imagine {prompt} --n 9"
    assert answer.entities[0].type == "pre"
    assert photo.photo
    assert len(painter.image_requests) == 1


@pytest.mark.usefixtures("house")
async def test_as_a_reply_it_paints_the_message(anna, painter):
    told = await anna.say("/status")
    status = await anna.wait_answer(after=told)
    await anna.say("/imagine --seed 7", reply_to=status.message_id)
    await anna.wait_answer()

    assert painter.image_requests[0].prompt == status.text


async def test_every_picture_can_be_made_again_exactly(house, anna, painter, api):
    await anna.say("/imagine a red fox --n 2")
    question = await anna.wait_text("What next?")
    first, second = seeds(painter)
    await anna.say(f"/imagine a red fox --seed {max(first, second)}")
    await anna.wait_answer(after=question.message_id)

    assert f"seeds {min(first, second)}, {max(first, second)}" in anna.answers[0].text
    assert sent_files(api)[2] == sent_files(api)[1]


# --- while it works -------------------------------------------------------------------------------


@pytest.mark.usefixtures("house")
async def test_after_a_while_it_says_what_is_being_made(anna, painter):
    held = asyncio.Event()
    painter.image_script(Holds("", held))
    await anna.say("/imagine a red fox --n 2")
    status = await anna.wait_draft("1 ready")
    held.set()
    await anna.wait_text("What next?")

    assert status == ("Making 2 images with stable-diffusion-xl-base-1.0, 1 ready: a red fox")
    assert {action.name for action in anna.actions} == {"upload_photo"}


async def test_in_a_group_the_status_line_goes_away(api, telegram_url, tmp_path, given, painter):
    anna = api.person(OWNER, "Anna")
    group = api.group(-100, "Family")
    held = asyncio.Event()
    painter.image_script(Holds("", held))
    async with running_bot(api, telegram_url, tmp_path, **given) as life:
        life.store.people.set_group(-100, "Family")
        seat = group.as_user(anna)
        await seat.say("/imagine@ambrosio_bot a red fox in the deep white snow")
        status = await seat.wait_text("Making 1 image")
        held.set()
        await seat.wait_text("SDXL")
        await life.settled()

    assert status.buttons == ("Stop",)
    assert status.silent
    assert [bool(line.photo) for line in seat.answers] == [True]


async def test_stop_keeps_what_is_there(house, anna, painter):
    painter.image_script(StallsBefore())
    await anna.say("/imagine a red fox --n 3")
    await anna.wait_draft("2 ready")
    anna.stop_draft()
    await anna.wait_text("What next?")
    await painter.wait_for(lambda: painter.image_served[0].state == "cancelled")
    await house.settled()

    assert "2 of 3. Stopped." in anna.answers[0].text
    assert anna.answers[-1].buttons == (*BUTTONS, "Retry")
    assert spent(house) == 2 * LARGE


@pytest.mark.usefixtures("house")
async def test_the_stop_command_stops_it_too(anna, painter):
    painter.image_script(StallsBefore())
    await anna.say("/imagine a red fox")
    await painter.wait_for(lambda: painter.image_served)
    await anna.say("/stop")
    answer = await anna.wait_text("Stopped.")

    assert answer.buttons == ("Retry",)


# --- buttons --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("house")
async def test_again_takes_a_new_seed(anna, painter):
    await anna.say("/imagine a red fox --seed 7 --ar 3:2 --steps 20")
    first = await anna.wait_answer()
    await anna.press("Again")
    await anna.wait_answer(after=first.message_id)

    one, two = painter.image_requests
    assert one.seed == 7
    assert two.seed != 7
    assert (one.prompt, one.width, one.steps) == (two.prompt, two.width, two.steps)


@pytest.mark.usefixtures("house")
async def test_vary_takes_the_seeds_beside_it_and_says_so(anna, painter):
    await anna.say("/imagine a red fox --seed 7")
    first = await anna.wait_answer()
    await anna.press("Vary")
    album = await anna.wait_answer(after=first.message_id)

    assert sorted(seeds(painter)[1:]) == [6, 8]
    assert "Variations with the next seeds" in album.text


async def test_vary_paints_from_the_picture_where_the_model_can(
    api, telegram_url, tmp_path, given, painter, anna
):
    images = {SDXL: {"name": "SDXL", "reference": "image_url"}}
    async with running_bot(api, telegram_url, tmp_path, images=images, **given):
        await anna.say("/imagine a red fox --seed 7")
        first = await anna.wait_answer()
        await anna.press("Vary")
        album = await anna.wait_answer(after=first.message_id)

    assert "A variation of the image" in album.text
    assert painter.image_requests[1].extras["image_url"].startswith("data:image/png;base64,")


@pytest.mark.usefixtures("house")
async def test_times_four_makes_four(anna, painter):
    await anna.say("/imagine a red fox --seed 7")
    await anna.wait_answer()
    await anna.press("×4")
    await anna.wait_text("What next?")

    assert len(painter.image_requests) == 5
    assert [bool(line.photo) for line in anna.answers] == [True] * 5 + [False]


@pytest.mark.usefixtures("house")
async def test_file_sends_the_originals_and_uploads_them_once(anna, painter, api):
    await anna.say("/imagine a red fox --n 2 --seed 7")
    question = await anna.wait_text("What next?")
    await anna.press("File")
    first = await anna.wait_answer(after=question.message_id)
    await api.wait_for(lambda: len(anna.answers) == 5)
    await anna.press("File")
    await api.wait_for(lambda: len(anna.answers) == 7)

    names = [line.document for line in anna.answers[3:]]
    assert names == ["picture-7.png", "picture-8.png"] * 2
    assert first.album
    assert len(painter.image_requests) == 2
    assert len(sent_files(api)) == 4


async def test_buttons_work_after_a_restart(api, telegram_url, tmp_path, given, painter, anna):
    async with running_bot(api, telegram_url, tmp_path, **given) as life:
        await anna.say("/imagine a red fox --seed 7")
        first = await anna.wait_answer()
        await life.settled()
    async with running_bot(api, telegram_url, tmp_path, **given):
        await anna.press("File")
        document = await anna.wait_answer(after=first.message_id)
        await anna.press("Again")
        again = await anna.wait_answer(after=document.message_id)

    assert document.document == "picture-7.png"
    assert again.photo
    assert len(painter.image_requests) == 2


async def test_an_original_that_is_gone_is_painted_once_more(
    api, telegram_url, tmp_path, given, painter, anna
):
    async with running_bot(api, telegram_url, tmp_path, ambrosio_pictures_mb=0, **given):
        await anna.say("/imagine a red fox --seed 7")
        first = await anna.wait_answer()
        await anna.press("File")
        document = await anna.wait_answer(after=first.message_id)

    assert document.document == "picture-7.png"
    assert "made again with the same seed" in document.text
    assert seeds(painter) == [7, 7]
    assert sent_files(api)[0] == sent_files(api)[1]


@pytest.mark.usefixtures("house")
@pytest.mark.parametrize("word", ["again", "vary", "four", "file", "retry_images"])
async def test_a_forged_button_does_nothing(anna, painter, api, word):
    asked = await anna.say("/status")
    answer = await anna.wait_answer(after=asked)

    query = anna.tap_data(f"{word}:999", answer.message_id)
    await api.wait_for(lambda: query.answer is not None)

    assert query.answer["text"] == IMAGE_DELETED
    assert painter.image_requests == []


@pytest.mark.usefixtures("house")
async def test_retry_repeats_a_picture(anna, painter):
    await anna.say("/imagine a red fox --seed 7")
    first = await anna.wait_answer()
    await anna.say("/retry")
    second = await anna.wait_answer(after=first.message_id + 1)

    assert second.photo
    assert [asked.prompt for asked in painter.image_requests] == ["a red fox"] * 2


# --- failures -------------------------------------------------------------------------------------

NO_PICTURE = "together sent an invalid or incomplete image."
TOO_LARGE = "together sent an image that is too large."
FAILURES = [
    (
        ErrorStatus(400, type="content_policy_violation"),
        "together refused to make this image. Try different wording.",
    ),
    (
        ErrorStatus(402),
        "The account at together has no credit left. Top it up.",
    ),
    (ErrorStatus(401), "together rejected the API key. Set a valid one."),
    (
        ErrorStatus(404),
        f"together does not have the model {SDXL}. Choose another one with --model; it has {SDXL}.",
    ),
    (
        ErrorStatus(429, retry_after=60),
        "together is too busy right now. Press Retry in 60 s.",
    ),
    (ErrorStatus(500), "together ran into an error. Your prompt is kept: press Retry."),
    (HangsUp(), "together cannot be reached. Your prompt is kept: press Retry."),
    (Dies(), "together ran into an error. Your prompt is kept: press Retry."),
    (SaysNothing(), "together gave an empty answer. Your prompt is kept: press Retry."),
    (
        SendsImages((b"<html>",)),
        f"{NO_PICTURE} Your prompt is kept: press Retry.",
    ),
    (
        SendsImages((b"\x89PNG" + bytes(40_000_000),)),
        f"{TOO_LARGE} Ask for a smaller one with --size.",
    ),
    (
        SendsImages(urls=("https://nowhere.invalid/1.png",)),
        "together made an image, but it could not be downloaded. Your prompt is kept: press Retry.",
    ),
]


@pytest.mark.parametrize(("item", "line"), FAILURES, ids=lambda each: type(each).__name__)
async def test_a_failure_is_one_plain_line_with_a_retry(house, anna, painter, item, line):
    painter.image_script(item, item)
    await anna.say("/imagine a red fox --seed 7")
    # Beside it the owner may be told that a provider rests.
    answer = await anna.wait_text(line)
    painter.images.script.clear()
    await anna.press("Retry", answer.message_id)
    photo = await anna.wait_text("a red fox\n\n")
    await house.settled()

    assert answer.text == line
    assert answer.buttons == ("Retry",)
    assert photo.text.startswith("a red fox\n\nSDXL at together · seed 7")
    # What cannot be used was painted all the same.
    painted = 2 if isinstance(item, SendsImages) else 1
    assert spent(house) == painted * LARGE


async def test_partial_results_are_delivered_and_retry_makes_the_rest(house, anna, painter):
    painter.image_script(ErrorStatus(500), ErrorStatus(500))
    await anna.say("/imagine a red fox --n 4 --seed 7")
    await anna.wait_text("What next?")
    failed = set(seeds(painter)[:2])
    await anna.press("Retry")
    await anna.wait_until(lambda: len(anna.answers) == 6, "not all of it")
    await house.settled()

    line = "2 of 4. together ran into an error. Your prompt is kept: press Retry."
    assert line in anna.answers[0].text
    assert set(seeds(painter)[4:]) == failed
    assert spent(house) == 4 * LARGE


async def test_the_next_painter_takes_over(api, telegram_url, tmp_path, given, painter, anna):
    local = FakeModelServer(server_kind="together", image_model="sd", model="x")
    painter.image_script(ErrorStatus(402))
    async with local.serving() as url:
        home = {"base_url": url, "server_kind": "together", "image_model": "sd"}
        given["providers"]["home"] = home
        async with running_bot(api, telegram_url, tmp_path, **given):
            await anna.say("/imagine a red fox --seed 7")
            photo = await anna.wait_text("a red fox\n\n")

    assert "sd at home · seed 7" in photo.text
    assert photo.text.endswith("free")


async def test_a_painter_that_does_not_talk_is_not_asked_for_words(
    api, telegram_url, tmp_path, given, painter, anna
):
    local = FakeModelServer(server_kind="together", image_model="sd", model="x")
    async with local.serving() as url:
        home = {"base_url": url, "server_kind": "together", "image_model": "sd"}
        given["providers"]["home"] = home
        painter.script(*[ErrorStatus(402)] * 2)
        async with running_bot(api, telegram_url, tmp_path, **given):
            await anna.say("hello")
            await anna.wait_answer()

    assert local.requests == []


async def test_without_a_painter_it_says_so(api, telegram_url, tmp_path, model_url, anna):
    async with running_bot(api, telegram_url, tmp_path, llama_base_url=model_url):
        await anna.say("/imagine a red fox")
        answer = await anna.wait_answer()

    assert answer.text.startswith("No image model is set up. Set TOGETHER_API_KEY")


async def test_a_spent_budget_paints_nothing(api, telegram_url, tmp_path, given, painter, anna):
    async with running_bot(
        api, telegram_url, tmp_path, ambrosio_monthly_budget_usd=Decimal(0), **given
    ):
        await anna.say("/imagine a red fox")
        answer = await anna.wait_answer()

    assert answer.text.startswith("This month's budget")
    assert painter.image_requests == []


# --- done once ------------------------------------------------------------------------------------


async def test_a_restart_in_the_middle_makes_it_again_once(
    api, telegram_url, tmp_path, given, painter, anna
):
    painter.image_script(StallsBefore())
    async with running_bot(api, telegram_url, tmp_path, **given):
        await anna.say("/imagine a red fox --seed 7")
        await painter.wait_for(lambda: painter.image_served)
    async with running_bot(api, telegram_url, tmp_path, **given) as life:
        await anna.wait_answer()
        await life.settled()
        cost = spent(life)

    assert seeds(painter) == [7, 7]
    assert len(anna.answers) == 1
    assert cost == LARGE


@pytest.mark.parametrize("crashes", [1, 2])
async def test_a_crash_makes_it_again_once_and_no_more(
    api, telegram_url, tmp_path, given, painter, anna, crashes
):
    painter.image_script(StallsBefore())
    async with running_bot(api, telegram_url, tmp_path, **given) as life:
        await anna.say("/imagine a red fox --seed 7")
        await painter.wait_for(lambda: painter.image_served)
        [lane] = life.store.inbox.lanes()
    with Store(tmp_path / "ambrosio.db", now=api.state.now) as store:
        # Killed, a process leaves its call open in the ledger.
        killed = Expense(OWNER, ModelRef("together", SDXL), None, LARGE, kind="image")
        Budget(now=api.state.now, ledger=store.ledger).reserve(killed)
        for _ in range(crashes):
            store.inbox.claim(lane)
    async with running_bot(api, telegram_url, tmp_path, **given) as life:
        answer = await anna.wait_answer()
        if crashes > 1:
            assert answer.text == (
                "I was interrupted twice while making this image. Your prompt is kept: press Retry."
            )
            await anna.press("Retry")
            answer = await anna.wait_answer(after=answer.message_id)
        await life.settled()
        cost = spent(life)

    assert answer.photo
    assert seeds(painter) == [7, 7]
    assert cost == LARGE


@pytest.mark.usefixtures("house")
async def test_a_stop_before_the_new_prompt_keeps_what_was_said(anna, painter):
    await anna.say("/imagine a red fox --seed 7")
    first = await anna.wait_answer()
    painter.script(StallsBefore())
    await anna.say("at night", reply_to=first.message_id)
    await painter.wait_for(lambda: painter.requests)
    await anna.say("/stop")
    await anna.wait_text("Stopped.")
    await anna.press("Retry")
    await anna.wait_text("a red fox, at night")


async def test_what_was_painted_is_delivered_after_a_restart_and_not_painted_again(
    api, telegram_url, tmp_path, given, painter, anna
):
    api.fail("sendPhoto", code=502, times=1000)
    async with running_bot(api, telegram_url, tmp_path, **given):
        await anna.say("/imagine a red fox --seed 7")
        await api.wait_for(lambda: api.calls_to("sendPhoto"))
    api.faults.clear()
    async with running_bot(api, telegram_url, tmp_path, **given) as life:
        photo = await anna.wait_answer()
        await life.settled()
        cost = spent(life)

    assert photo.photo
    assert seeds(painter) == [7]
    assert cost == LARGE


# --- the conversation -----------------------------------------------------------------------------


async def test_words_in_reply_to_a_picture_make_a_new_one(house, anna, painter):
    await anna.say("/imagine a red fox in the snow --seed 7")
    first = await anna.wait_answer()
    painter.script(Says("a red fox in the snow at night"))
    await anna.say("make it night", reply_to=first.message_id)
    second = await anna.wait_answer()
    await house.settled()

    asked = painter.requests[0]
    assert asked.question == "Prompt: a red fox in the snow\n\nSaid: make it night"
    assert second.text.startswith("a red fox in the snow at night\n\nSDXL at together · seed 7")
    assert second.photo
    assert spent(house) > 2 * LARGE


@pytest.mark.usefixtures("house")
async def test_options_count_in_reply_to_a_picture_too(anna, painter):
    await anna.say("/imagine a red fox --seed 7 --size 512x512 --steps 20")
    first = await anna.wait_answer()
    painter.script(Says("a red fox at night"))
    await anna.say("make it night --n 2 —ar 3:2", reply_to=first.message_id)
    question = await anna.wait_text("What next?")
    await anna.say("--seed 9", reply_to=first.message_id)
    await anna.wait_answer(after=question.message_id)

    assert painter.requests[0].question == "Prompt: a red fox\n\nSaid: make it night"
    made = [(it.prompt, it.seed, it.width, it.steps) for it in painter.image_requests[1:]]
    assert sorted(made[:2]) == [
        ("a red fox at night", 7, 1256, 20),
        ("a red fox at night", 8, 1256, 20),
    ]
    assert made[2] == ("a red fox", 9, 512, 20)


@pytest.mark.usefixtures("house")
async def test_a_wrong_option_in_reply_to_a_picture_is_told(anna, painter):
    await anna.say("/imagine a red fox --seed 7")
    first = await anna.wait_answer()
    await anna.say("make it night --n 9", reply_to=first.message_id)
    answer = await anna.wait_answer(after=first.message_id)

    assert answer.text.startswith("--n 9 does not work. It takes a number from 1 to 4.")
    assert answer.text.endswith("\n\nmake it night --n 9")
    assert len(painter.image_requests) == 1


@pytest.mark.usefixtures("house")
async def test_thanks_for_a_picture_are_no_wish(anna, painter):
    await anna.say("/imagine a red fox --seed 7")
    first = await anna.wait_answer()
    painter.script(Says("TALK"), Says("You are welcome."))
    await anna.say("thanks!", reply_to=first.message_id)
    answer = await anna.wait_answer()

    assert answer.text == "You are welcome."
    assert len(painter.image_requests) == 1
    told = dict(painter.requests[1].messages)
    assert told["assistant"] == "[Here a picture of this was shown: a red fox]"


@pytest.mark.usefixtures("house")
async def test_without_words_from_a_model_the_wish_is_put_behind_the_prompt(anna, painter):
    await anna.say("/imagine a red fox --seed 7")
    first = await anna.wait_answer()
    painter.script(*[ErrorStatus(402)] * 2)
    await anna.say("at night", reply_to=first.message_id)
    second = await anna.wait_text("a red fox, at night\n\n")

    assert second.photo


@pytest.mark.usefixtures("house")
async def test_the_conversation_knows_of_the_picture(anna, painter):
    await anna.say("/imagine a red fox --seed 7")
    await anna.wait_answer()
    painter.script(Says("It is red."))
    await anna.say("what colour is it?")
    await anna.wait_text("It is red.")

    assert painter.requests[0].messages[1:] == (
        ("user", "/imagine a red fox"),
        ("assistant", "[Here a picture of this was shown: a red fox]"),
        ("user", "what colour is it?"),
    )


async def test_an_edit_without_a_change_makes_no_image_again(house, anna, painter, api):
    order = await anna.say("/imagine a red fox --seed 7")
    photo = await anna.wait_answer()
    change = await anna.say("at night", reply_to=photo.message_id)
    await anna.wait_answer()
    again = await anna.say("/retry")
    await anna.wait_answer()
    await house.settled()
    cost, made = spent(house), len(painter.image_requests)

    for message in (order, change, again):
        await anna.touch(message)
    await house.settled()

    assert (spent(house), len(painter.image_requests)) == (cost, made)
    assert made >= 2
