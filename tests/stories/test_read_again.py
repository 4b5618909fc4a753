"""What could not be heard or read for a moment has a *Retry*, and nothing is paid twice."""

import pytest

from ambrosio.core import texts
from ambrosio.core.messages import Chat
from ambrosio.emulators.model_server.server import ErrorStatus, FakeModelServer, Says
from ambrosio.store import Store

from ..support import document_files as files
from ..support.media_files import picture, sound, tone
from ..support.running_bot import OWNER, running_bot
from .test_pictures import shown
from .test_voice import ears

VOICE = sound(tone(2))
# Two pieces, with a silence between them.
LONG = sound(tone(40) + tone(0.6, level=0) + tone(25))
SMALL = picture("jpeg", 320, 240)
SCAN = files.pdf(*[b"0 0 1 rg 20 20 200 100 re f"] * 6)
ARGUMENTS = "ambrosio.media.client.ARGUMENTS"
DIES = ("-B", "-P", "-c", "import os; os.kill(os.getpid(), {})")


@pytest.fixture
async def cloud():
    return FakeModelServer("openai/gpt-oss-120b", "together")


@pytest.fixture
async def life_at(api, telegram_url, tmp_path, model_url, cloud):
    async with cloud.serving() as url:
        row = ears(url, transcription_format="wav", transcription_usd_per_minute="0.06")
        given = {"llama_base_url": model_url, "providers": row}
        yield lambda: running_bot(api, telegram_url, tmp_path, **given)
    assert api.violations == []


def listened(api, tmp_path):
    with Store(tmp_path / "ambrosio.db", now=api.state.now) as store:
        return [row.usd for row in store.ledger.usage(0) if row.kind == "transcript"]


async def test_a_recording_that_nobody_heard_is_heard_after_a_restart(
    life_at, anna, api, cloud, model, tmp_path
):
    model.script(Says("Lima."))
    # The first piece is heard. The second fails now, and after the short pause.
    cloud.sound.transcript_script += ["Capital of", ErrorStatus(500), ErrorStatus(500)]
    async with life_at() as life:
        sent = await anna.send_voice(LONG, seconds=66, caption="answer this:")
        line = await anna.wait_answer()
        await life.settled()
    async with life_at() as life:
        cloud.sound.transcript_script.append("Peru?")
        [kept] = life.store.conversations.parts(Chat(OWNER), sent)[1].values()
        anna.tap("Retry")
        anna.tap("Retry")
        await anna.wait_text("Lima.")
        await life.settled()
        late = await anna.press("Retry", line.message_id)

    assert line.buttons == ("Retry",)
    assert [asked.question for asked in model.requests if asked.question] == [
        "answer this:\nCapital of Peru?"
    ]
    assert [shown.text for shown in anna.answers] == [line.text, "Capital of Peru?", "Lima."]
    assert late["text"] == texts.ALREADY_ANSWERED
    assert len(cloud.sound.transcripts) == 4
    assert [float(usd) for usd in listened(api, tmp_path) if usd] == [pytest.approx(0.066, rel=0.1)]
    assert "answer this:" in kept


def telegram_says(code, description="", times=3):
    """Return a fault: Telegram refuses to say where a file is."""
    return lambda api, _: api.fail("getFile", code=code, times=times, description=description)


def is_gone(api, monkeypatch):
    monkeypatch.setattr(api.files, "at_path", lambda _: None)


def dies_of(number):
    arguments = (*DIES[:-1], DIES[-1].format(number))
    return lambda _, monkeypatch: monkeypatch.setattr(ARGUMENTS, arguments)


def cannot_start(_, monkeypatch):
    monkeypatch.setattr("ambrosio.media.client.sys.executable", "/nowhere")


async def send_album(anna):
    await anna.send_album(2, contents=[SMALL, SMALL], caption="what?")


# How it is sent, what goes wrong, the line that says so, and how many pictures are seen at last.
PASSING = {
    "an album, Telegram is out of order": (
        send_album,
        telegram_says(502),
        "I could not get this file from Telegram. Try again in a moment.",
        2,
    ),
    "a photo, and too many requests": (
        lambda anna: anna.send_photo(SMALL, caption="what?"),
        lambda api, _: api.flood("getFile", retry_after=2, times=3),
        "I could not get this file",
        1,
    ),
    "a text that Telegram does not find": (
        lambda anna: anna.send_document(b"rice", "a.txt", caption="what?"),
        is_gone,
        "I could not get this file",
        0,
    ),
    "a voice note that Telegram does not find": (
        lambda anna: anna.send_voice(VOICE, caption="what?"),
        telegram_says(
            400, "Bad Request: wrong file_id or the file is temporarily unavailable", times=1
        ),
        "I could not get this file",
        0,
    ),
    "a PNG, and no memory": (
        lambda anna: anna.send_document(picture("png"), "a.png", caption="what?"),
        dies_of(9),
        "This machine is too busy, or too low on memory, to read the file now.",
        1,
    ),
    "a voice note, and no process": (
        lambda anna: anna.send_voice(VOICE, caption="what?"),
        cannot_start,
        "This machine is too busy",
        0,
    ),
}


async def test_what_fails_for_a_moment_is_read_when_retry_is_pressed(
    life_at, anna, api, model, monkeypatch
):
    async with life_at() as life:
        for send, break_it, says, pictures in PASSING.values():
            model.requests.clear()
            with monkeypatch.context() as patch:
                break_it(api, patch)
                await send(anna)
                await life.settled()
            line = anna.last
            assert line.text.startswith(says)
            assert line.buttons == ("Retry",)

            model.script(Says(f"Rice, after: {says}"))
            await anna.press("Retry", line.message_id)
            await life.settled()
            assert anna.last.text == f"Rice, after: {says}"
            [asked] = [request for request in model.requests if request.question]
            assert "what?" in asked.question
            assert len(shown(asked) if pictures else ()) == pictures


async def test_a_scan_is_looked_at_when_retry_is_pressed(life_at, anna, api, model):
    async with life_at() as life:
        await anna.send_document(SCAN, "scan.pdf", caption="what?")
        await anna.wait_text("There is no text in scan.pdf")
        api.fail("getFile", times=3)
        await anna.press("Look at it")
        await anna.wait_text("I could not get this file")
        model.script(Says("Blue."))
        await anna.press("Retry")
        answer = await anna.wait_text("Blue.")
        await life.settled()

    assert "scan.pdf: pages 1–" in answer.text
    assert len(shown(model.requests[-1])) > 1


async def test_what_crashes_on_its_own_has_no_retry(life_at, anna, monkeypatch, api):
    async with life_at():
        dies_of(11)(api, monkeypatch)
        await anna.send_document(picture("png"), "a.png", caption="what?")
        line = await anna.wait_answer()

    assert line.text.startswith("The program that reads files crashed on this one.")
    assert line.buttons == ()
