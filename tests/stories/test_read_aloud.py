"""An answer is read aloud: by a button, or whenever a voice note was answered."""

from decimal import Decimal

import pytest

from ambrosio.core import texts
from ambrosio.emulators.model_server.server import ErrorStatus, FakeModelServer, Says

from ..support.media_files import sound, tone
from ..support.running_bot import running_bot

VOICE = sound(tone(3))
WAV = sound(tone(2), "wav", "pcm_s16le", 24_000)
ANSWER = (
    "# Rice\n\nBoil **basmati** for ten minutes.\n\n```\nboil()\n```\n\nSee https://rice.example."
)


@pytest.fixture
async def cloud():
    return FakeModelServer("m", "together")


@pytest.fixture
async def life(api, telegram_url, tmp_path, model, model_url, cloud):
    async with cloud.serving() as url:
        row = {
            "base_url": url,
            "server_kind": "together",
            "local": False,
            "transcription_model": "openai/whisper-large-v3",
            "speech_model": "hexgrad/Kokoro-82M",
            "speech_usd_per_million_characters": 4,
        }
        given = {"llama_base_url": model_url, "providers": {"cloud": row}}
        model.answer = lambda _: Says(ANSWER)
        async with running_bot(api, telegram_url, tmp_path, **given) as life:
            yield life
    assert api.violations == []


def voices(anna):
    return [shown for shown in anna.answers if shown.voice]


async def test_a_button_reads_an_answer_without_its_code_and_addresses(anna, api, cloud, life):
    await anna.say("how long?")
    answer = await anna.wait_text("Boil basmati")
    assert answer.buttons == ("Read aloud",)
    await anna.press("Read aloud")
    await anna.wait_until(lambda: voices(anna), "no voice note")
    await life.settled()

    [call] = cloud.sound.speeches
    assert call.text == "Rice.\nBoil basmati for ten minutes.\nSee."
    assert voices(anna)[0].silent
    [row] = [row for row in life.store.ledger.usage(0) if row.kind == "speech"]
    assert row.usd == Decimal(len(call.text)) * 4 / 1_000_000
    assert any(action.name == "record_voice" for action in anna.actions)


async def test_wav_becomes_a_voice_note_and_who_takes_none_gets_a_sound_file(
    anna, api, cloud, life
):
    cloud.sound.speech_script += [WAV, WAV]
    await anna.say("how long?")
    await anna.wait_text("Boil basmati")
    await anna.press("Read aloud")
    await anna.wait_until(lambda: voices(anna), "no voice note")
    await life.settled()
    anna.chat.refuses_voice = True
    await anna.press("Read aloud")
    await api.wait_for(lambda: any(call.method == "sendAudio" for call in api.calls))
    await life.settled()

    sent = [upload.content[:4] for upload in api.files.uploads.values()]
    assert sent == [b"OggS"] * 2


async def test_a_voice_note_is_answered_by_voice_if_that_is_on(anna, cloud, life):
    await anna.say("/voice on")
    await anna.wait_text("I answer voice notes by voice now")
    await anna.send_voice(VOICE)
    await anna.wait_until(lambda: voices(anna), "no voice note")
    await life.settled()
    order = ["voice" if shown.voice else shown.text[:4] for shown in anna.answers]
    assert order == ["I an", "What", "Rice", "voice"]
    await anna.say("and now?")
    await life.settled()
    await anna.say("/voice off")
    await anna.wait_text("in writing now")
    await anna.send_voice(VOICE)
    await life.settled()

    assert len(cloud.sound.speeches) == 1


@pytest.mark.usefixtures("life")
async def test_a_provider_that_only_listens_and_speaks_is_no_choice_of_model(anna):
    await anna.say("/model")
    listed = await anna.wait_answer()
    await anna.say("/model cloud")
    refused = await anna.wait_answer()
    await anna.say("/private on")
    await anna.wait_text("This chat is private now")
    await anna.say("/model")
    private = await anna.wait_answer()

    assert (
        "Makes images: none.\n\nTranscribes voice notes: cloud. Reads aloud: cloud." in listed.text
    )
    assert "cloud" not in listed.buttons
    assert "There is no model cloud. Choose from automatic, llama" in refused.text
    assert "I ask local models only: llama." in private.text
    assert "Transcribes voice notes: none. Reads aloud: none." in private.text


async def test_a_local_server_that_says_so_reads_private_answers_too(
    anna, api, telegram_url, tmp_path
):
    home = FakeModelServer("m", "together")
    home.answer = lambda _: Says(ANSWER)
    async with home.serving() as url:
        given = {"llama_base_url": None, "providers": {"home": {"base_url": url, "model": "m"}}}
        async with running_bot(api, telegram_url, tmp_path, **given):
            await home.wait_for(lambda: home.listings)
            await anna.say("/private on")
            await anna.wait_text("This chat is private now")
            await anna.say("how long?")
            answer = await anna.wait_text("Boil basmati")
            await anna.say("/status")
            status = await anna.wait_text("Reads aloud")
            await anna.press("Read aloud", answer.message_id)
            await anna.wait_until(lambda: voices(anna), "no voice note")
            await anna.say("/where")
            where = await anna.wait_text("Reads aloud")

    assert "Reads aloud: home." in status.text
    assert "Reads aloud: home." in where.text
    assert answer.buttons == ("Read aloud",)
    assert [call.body["model"] for call in home.sound.speeches] == ["hexgrad/Kokoro-82M"]


async def test_private_answers_are_read_by_nobody_elsewhere(anna, cloud, life):
    await anna.say("/private on")
    await anna.wait_text("This chat is private now")
    await anna.say("how long?")
    answer = await anna.wait_text("Boil basmati")
    assert answer.buttons == ()
    await anna.say("/voice on")
    await anna.wait_text("no local speech model is set up")
    # A modified client can press any button.
    anna.tap_data("speak:1", answer.message_id)
    await anna.wait_text("This answer is private and no local speech model")

    assert cloud.sound.speeches == []


async def test_where_nobody_can_speak_a_line_says_why(anna, cloud, life):
    cloud.sound.speech_script += [ErrorStatus(401)]
    await anna.say("how long?")
    await anna.wait_text("Boil basmati")
    await anna.press("Read aloud")
    await anna.wait_text("cloud rejected the API key.")
    assert texts.NOTHING_TO_READ_ALOUD not in [shown.text for shown in anna.answers]
    assert voices(anna) == []
