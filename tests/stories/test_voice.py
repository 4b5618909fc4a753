"""A voice note is heard, shown as text and answered, and so is whatever else has sound."""

import asyncio
import json
import signal
from decimal import Decimal

import pytest

from ambrosio.core import texts
from ambrosio.emulators.model_server.server import (
    ErrorStatus,
    FakeModelServer,
    Holds,
    Says,
)
from ambrosio.store import Person

from ..support.media_files import picture, sound, tone
from ..support.running_bot import OWNER, running_bot
from .test_crash import process

VOICE = sound(tone(3))
SILENCE = sound(tone(3, level=0))
VIDEO_NOTE = sound(tone(3), "mp4", "aac", 48_000, video=True)
MP3 = sound(tone(3), "mp3", "libmp3lame", 44_100)
QUESTION = "What is the capital of Peru?"


@pytest.fixture
async def cloud():
    return FakeModelServer("openai/gpt-oss-120b", "together")


@pytest.fixture
async def cloud_url(cloud):
    async with cloud.serving() as url:
        yield url


def ears(url, **more):
    """Make the row of a provider that only listens."""
    row = {
        "base_url": url,
        "server_kind": "together",
        "local": False,
        "transcription_model": "openai/whisper-large-v3",
    }
    return {"ears2": {**row, **more}}


@pytest.fixture
async def life(api, telegram_url, tmp_path, model_url, cloud_url):
    given = {"llama_base_url": model_url, "providers": ears(cloud_url)}
    async with running_bot(api, telegram_url, tmp_path, **given) as life:
        yield life
    assert api.violations == []


def heard(server):
    return [call.content for call in server.sound.transcripts]


@pytest.mark.usefixtures("life")
class TestAVoiceNote:
    async def test_is_quoted_before_it_is_answered(self, anna, cloud, model):
        gate = asyncio.Event()
        model.script(Holds("Li", gate))
        await anna.send_voice(VOICE)
        quote = await anna.wait_text(QUESTION)
        await model.wait_for(lambda: model.served[0].words)
        gate.set()
        answer = await anna.wait_text("Li")

        assert [entity.type for entity in quote.entities] == ["blockquote"]
        assert quote.buttons == ("Wrong?",)
        assert quote.silent
        assert not answer.silent
        assert heard(cloud) == [VOICE]
        assert [asked.question for asked in model.requests] == [QUESTION]

    async def test_may_ask_for_a_short_answer_or_be_a_command(self, anna, cloud, model):
        cloud.sound.transcript_script += ["Vee vee, jasmine or basmati?", "Slash new."]
        model.script(Says("Basmati."))
        await anna.send_voice(VOICE)
        await anna.wait_text("Basmati.")
        await anna.send_voice(VOICE)
        await anna.wait_text("New conversation started.")

        assert [asked.question for asked in model.requests] == ["vv jasmine or basmati?"]

    async def test_with_a_caption_is_asked_about_in_it(self, anna, model):
        await anna.send_voice(VOICE, caption="translate into Italian")
        await model.wait_for(lambda: model.requests)

        assert model.requests[0].question == f"translate into Italian\n\n{QUESTION}"

    async def test_that_is_forwarded_is_somebody_elses(self, anna, cloud, model):
        origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Carla"}
        cloud.sound.transcript_script.append("Slash new.")
        await anna.send_voice(VOICE, forward_origin=origin)
        await model.wait_for(lambda: model.requests)

        assert model.requests[0].question == "Forwarded from Carla:\nSlash new."

    async def test_of_another_is_heard_when_somebody_asks_about_it(self, api, life, model):
        group = api.group(-1001, "Family")
        life.store.people.set_group(-1001, "Family")
        theirs = await group.as_user(api.person(43, "Ben")).send_voice(VOICE)
        await group.as_user(api.person(OWNER, "Anna")).say(
            "@ambrosio_bot what does he want?", reply_to=theirs
        )
        await model.wait_for(lambda: model.requests)

        assert model.requests[0].question == f"what does he want?\n\n{QUESTION}"

    async def test_is_only_asked_for_once_when_its_caption_is_edited(self, anna, cloud, model):
        model.script(Says("Lima."), Says("Lima, in Italian."))
        sent = await anna.send_voice(VOICE, caption="answer")
        await anna.wait_text("Lima.")
        await anna.edit(sent, "answer in Italian")
        await anna.wait_text("Lima, in Italian.")

        assert len(heard(cloud)) == 1
        assert model.requests[-1].question == f"answer in Italian\n\n{QUESTION}"

    async def test_stopped_while_it_is_heard_says_so(self, anna, cloud, model):
        gate = asyncio.Event()
        cloud.sound.transcript_script.append(Holds("", gate))
        await anna.send_voice(VOICE)
        await cloud.wait_for(lambda: cloud.sound.transcripts)
        await anna.say("/stop")
        await anna.wait_text(texts.LISTENING_STOPPED)
        gate.set()
        await anna.say("hello")
        await model.wait_for(lambda: model.requests)


@pytest.mark.usefixtures("life")
async def test_other_recordings_are_heard_as_well(anna, cloud, model):
    await anna.send_video_note(VIDEO_NOTE)
    await model.wait_for(lambda: len(model.requests) == 1)
    await anna.send_audio(MP3)
    await model.wait_for(lambda: len(model.requests) == 2)
    await anna.send_document(MP3, "a.mp3", mime="audio/mpeg")
    await model.wait_for(lambda: len(model.requests) == 3)

    assert heard(cloud) == [VIDEO_NOTE, MP3, MP3]
    assert {asked.question for asked in model.requests} == {QUESTION}


WRONG = {
    "silence": (SILENCE, 3, texts.NO_WORDS, 0),
    "nothing": (b"", 3, "There is nothing to read in this file.", 0),
    "a text": (b"just words, and many more words", 3, "I cannot read this kind of file.", 0),
    "a picture": (picture("png"), 3, "I cannot read this kind of file.", 0),
    "half a header": (VOICE[:40], 3, "This file is damaged or incomplete.", 0),
    "an OGG of noise": (b"OggS" + bytes(range(256)) * 40, 3, "This file is damaged", 0),
    "an MP4 of noise": (b"\0\0\0\x18ftypisom" + bytes(range(256)) * 40, 3, "This file is dam", 0),
    "a film without sound": (picture("mp4"), 3, "There is no sound in this file.", 0),
    "a playlist": (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/\n", 3, "I cannot read this kind", 0),
    "three hours": (VOICE, 10_800, "This recording is longer than 120 minutes", 0),
    "what breaks off": (sound(tone(10))[:20_000], 10, QUESTION, 1),
}


@pytest.mark.usefixtures("life")
async def test_what_cannot_be_heard_gets_a_line_and_the_next_message_works(
    anna, api, cloud, model, life
):
    for content, seconds, line, asked in WRONG.values():
        cloud.sound.transcripts.clear()
        sent = await anna.send_voice(content, seconds=seconds)
        shown = await anna.wait_answer(after=sent)
        assert shown.text.startswith(line)
        assert len(heard(cloud)) == asked
        await life.settled()
    cloud.sound.transcripts.clear()
    api.files.max_download_bytes = 1_000
    sent = await anna.send_voice(VOICE)
    shown = await anna.wait_answer(after=sent)
    assert shown.text.startswith("This file is larger than 20 MB")
    assert heard(cloud) == []
    await anna.say("and now?")
    await model.wait_for(lambda: any(request.question == "and now?" for request in model.requests))


@pytest.mark.usefixtures("life")
async def test_words_that_nobody_said_are_not_answered(anna, cloud, model):
    for said in ("[Music]", "Thank you for watching!", "so " * 20):
        cloud.sound.transcript_script.append(said)
        sent = await anna.send_voice(VOICE)
        assert (await anna.wait_answer(after=sent)).text == texts.NO_WORDS
    assert model.requests == []


@pytest.mark.usefixtures("life")
class TestWrong:
    async def test_asks_for_the_text_and_answers_again_in_place(self, anna, cloud, model):
        cloud.sound.transcript_script.append("What is the capital of pair?")
        model.script(Says("There is none."), Says("Lima."))
        sent = await anna.send_voice(VOICE)
        answer = await anna.wait_text("There is none.")
        quote = next(shown for shown in anna.answers if shown.buttons == ("Wrong?",))
        await anna.press("Wrong?")
        prompt = await anna.wait_text(texts.WHAT_WAS_SAID)
        assert prompt.reply_to == sent
        await anna.say(QUESTION, reply_to=prompt.message_id)
        await anna.wait_text("Lima.")
        await anna.wait_until(
            lambda: texts.WHAT_WAS_SAID not in [shown.text for shown in anna.screen()], "deleted"
        )

        shown = {line.message_id: line.text for line in anna.answers}
        assert shown == {quote.message_id: QUESTION, answer.message_id: "Lima."}
        assert [asked.question for asked in model.requests][-1] == QUESTION
        assert len(model.requests[-1].messages) == 2
        assert len(heard(cloud)) == 1

    async def test_is_for_who_has_spoken(self, api, life, model):
        group = api.group(-1001, "Family")
        life.store.people.set_group(-1001, "Family")
        life.store.admit(Person(43, "Ben", is_owner=False))
        anna, ben = (group.as_user(api.person(number, str(number))) for number in (OWNER, 43))
        model.script(Says("Hello."), Says("Lima."))
        await anna.say("@ambrosio_bot hello")
        await life.settled()
        await anna.send_voice(VOICE, reply_to=anna.last.message_id)
        await anna.wait_text(QUESTION)

        assert "Someone else" in (await ben.press("Wrong?"))["text"]
        await anna.press("Wrong?")
        prompt = await anna.wait_text(texts.WHAT_WAS_SAID)
        await ben.say("Say that Ben is right.", reply_to=prompt.message_id)
        await life.settled()
        assert QUESTION in [line.text for line in anna.answers]
        assert prompt.message_id in [line.message_id for line in anna.answers]


class TestWithoutEars:
    async def test_a_line_says_what_to_do(self, api, telegram_url, tmp_path, model_url, anna):
        async with running_bot(api, telegram_url, tmp_path, llama_base_url=model_url):
            await anna.send_voice(VOICE)
            shown = await anna.wait_text("I cannot transcribe recordings yet")

        assert "LLAMA_EARS" in shown.text

    async def test_a_private_chat_lets_no_recording_out(self, anna, cloud, life):
        await anna.say("/private on")
        await anna.wait_text("This chat is private now")
        await anna.send_voice(VOICE)
        await anna.wait_text("This is private and no local transcription model")
        await anna.say("/where")
        told = await anna.wait_text("Transcribes voice notes: none.")
        await anna.say("/private off")
        await anna.wait_text("no longer private")
        for command in ("/where", "/model", "/status"):
            await anna.say(command)
            await anna.wait_until(
                lambda: "Transcribes voice notes: ears2." in anna.last.text, "not told"
            )

        assert "Sees pictures: llama." in told.text
        assert heard(cloud) == []

    async def test_without_the_extra_a_remote_server_hears_all_the_same(
        self, anna, cloud, life, monkeypatch
    ):
        monkeypatch.setattr("ambrosio.media.client.ARGUMENTS", without_av())
        await anna.send_voice(VOICE)
        await anna.wait_text(QUESTION)

        assert heard(cloud) == [VOICE]

    async def test_without_the_extra_llama_cannot_and_it_is_said(
        self, api, telegram_url, tmp_path, model, model_url, anna, monkeypatch
    ):
        monkeypatch.setattr("ambrosio.media.client.ARGUMENTS", without_av())
        model.audio = True
        async with running_bot(api, telegram_url, tmp_path, llama_base_url=model_url):
            await anna.send_voice(VOICE)
            shown = await anna.wait_text("I cannot read recordings here")

        assert "pip install" in shown.text


def without_av():
    """Start the media child as where PyAV is not installed."""
    run = "runpy.run_module('ambrosio.media', run_name='__main__')"
    code = f"import sys, runpy; sys.modules['av'] = None; {run}"
    return ("-B", "-P", "-X", "utf8", "-c", code)


class TestMoney:
    async def test_a_recording_is_in_the_ledger_and_under_the_ceiling(
        self, api, telegram_url, tmp_path, model_url, cloud, cloud_url, anna
    ):
        price = {"transcription_usd_per_minute": "0.02"}
        given = {
            "llama_base_url": model_url,
            "providers": ears(cloud_url, **price),
            "ambrosio_monthly_budget_usd": Decimal("0.0015"),
        }
        async with running_bot(api, telegram_url, tmp_path, **given) as life:
            await anna.send_voice(VOICE)
            await anna.wait_text(QUESTION)
            await life.settled()
            await anna.send_voice(VOICE)
            await anna.wait_text("This month's budget does not cover this request")
            [row] = [row for row in life.store.ledger.usage(0) if row.kind == "transcript"]

        assert row.usd == pytest.approx(Decimal("0.001"), rel=Decimal("0.1"))
        assert len(heard(cloud)) == 1

    async def test_the_next_one_hears_where_one_fails(self, anna, cloud, life):
        cloud.sound.transcript_script += [ErrorStatus(500), "Second try."]
        await anna.send_voice(VOICE)

        await anna.wait_text("Second try.")


async def test_a_killed_bot_has_nothing_heard_twice(
    api, telegram_url, model, model_url, cloud, cloud_url, tmp_path, anna
):
    row = ears(cloud_url)["ears2"]
    lines = [f"{name} = {json.dumps(value)}" for name, value in row.items()]
    (tmp_path / "ambrosio.toml").write_text("\n".join(["[providers.ears2]", *lines]))
    held = asyncio.Event()
    model.answer = lambda asked: Holds("Li", held) if not held.is_set() else Says("Lima.")
    async with process(api, telegram_url, model_url, tmp_path) as first:
        await anna.send_voice(VOICE)
        await model.wait_for(lambda: any(served.words for served in model.served))
        first.send_signal(signal.SIGKILL)
        await first.wait()
    held.set()
    async with process(api, telegram_url, model_url, tmp_path):
        await anna.wait_text("Lima.")

    assert len(heard(cloud)) == 1
    assert [shown.text for shown in anna.answers] == [QUESTION, "Lima."]
