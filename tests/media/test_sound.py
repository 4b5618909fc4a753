"""Recordings in, pieces of WAV out, through the real child."""

import io
import wave
from array import array
from contextlib import aclosing

import pytest

from ambrosio.core.file_errors import AudioTooLong, DamagedFile, EmptyFile, NoSound, UnsupportedFile
from ambrosio.media.client import MediaClient
from ambrosio.media.cutting import SILENCE_LEVEL, PieceCutter, measure_levels
from tests.support.media_files import RATE, picture, sound, tone


async def cut(content):
    async with aclosing(MediaClient().cut_audio(content)) as pieces:
        return [piece async for piece in pieces]


KINDS = {
    "voice note": ("ogg", "libopus", 48_000, False),
    "mp3": ("mp3", "libmp3lame", 44_100, False),
    "m4a": ("mp4", "aac", 44_100, False),
    "aac": ("adts", "aac", 44_100, False),
    "video note": ("mp4", "aac", 48_000, True),
    "wav": ("wav", "pcm_s16le", 44_100, False),
    "flac": ("flac", "flac", 48_000, False),
    "webm": ("webm", "libopus", 48_000, False),
    "quicktime": ("mov", "aac", 48_000, True),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
async def test_any_recording_becomes_wav_with_sixteen_thousand_samples_a_second(kind):
    (piece,) = await cut(sound(tone(2), *kind))

    assert piece.start_seconds == 0
    assert piece.seconds == pytest.approx(2, abs=0.15)
    assert piece.total_seconds == pytest.approx(2, abs=0.15)
    assert not piece.is_silent
    with wave.open(io.BytesIO(piece.content)) as wav:
        assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (RATE, 1, 2)
        assert wav.getnframes() == pytest.approx(piece.seconds * RATE, abs=RATE / 1000)


async def test_a_note_without_sound_is_known_to_be_silent():
    (piece,) = await cut(sound(tone(3, level=0)))

    assert piece.is_silent


async def test_a_long_recording_is_cut_where_it_is_quiet_and_nothing_is_lost():
    spoken = tone(47) + tone(0.6, level=0) + tone(30) + tone(0.6, level=0) + tone(12)

    first, second = await cut(sound(spoken, "flac", "flac", RATE))

    assert first.seconds == pytest.approx(47.3, abs=0.3)
    assert second.start_seconds == pytest.approx(first.seconds, abs=0.001)
    assert first.seconds + second.seconds == pytest.approx(len(spoken) / RATE, abs=0.05)
    assert {first.total_seconds, second.total_seconds} == {first.total_seconds}


async def test_a_recording_that_breaks_off_is_heard_up_to_there():
    whole = sound(tone(10))

    pieces = await cut(whole[: len(whole) // 2])

    assert 2 < sum(piece.seconds for piece in pieces) < 9


async def test_more_than_two_hours_are_refused_before_anything_is_heard():
    header = sound(tone(1), "wav", "pcm_s16le", RATE)
    rates = RATE.to_bytes(4, "little") + (RATE * 2).to_bytes(4, "little")
    slow_rates = (100).to_bytes(4, "little") + (200).to_bytes(4, "little")
    sizes = b"data" + (RATE * 2).to_bytes(4, "little"), b"data" + (2_000_000).to_bytes(4, "little")
    content = header.replace(rates, slow_rates, 1).replace(*sizes) + bytes(2_000_000)

    with pytest.raises(AudioTooLong):
        await cut(content)


REFUSED = {
    "nothing": (b"", EmptyFile),
    "a text": (b"just words, and many more words", UnsupportedFile),
    "a playlist, which names other files": (
        b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/secret\n",
        UnsupportedFile,
    ),
    "a picture": (picture("png"), UnsupportedFile),
    "the beginning of a voice note": (sound(tone(1))[:40], DamagedFile),
    "an OGG of noise": (b"OggS" + bytes(range(256)) * 40, DamagedFile),
    "an MP4 of noise": (b"\0\0\0\x18ftypisom" + bytes(range(256)) * 40, DamagedFile),
    "an MP4 cut before its index": (sound(tone(3), "mp4", "aac", 48_000)[:9000], DamagedFile),
    "a film without sound": (picture("mp4"), NoSound),
}


@pytest.mark.parametrize(("content", "failure"), REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_heard_is_refused_with_a_reason(content, failure):
    with pytest.raises(failure):
        await cut(content)


@pytest.mark.parametrize("kind", ["mp3", "wav"])
async def test_speech_becomes_a_voice_note_for_telegram(kind):
    note = await MediaClient().encode_voice(sound(tone(5), *KINDS[kind]))

    assert note.content[:4] == b"OggS"
    assert b"OpusHead\x01\x01" in note.content[:64]
    assert note.seconds == pytest.approx(5, abs=0.15)
    assert len(note.content) == pytest.approx(5 * 32_000 / 8, rel=0.5)
    (heard,) = await cut(note.content)
    assert not heard.is_silent


LEVELS = {
    "nothing": (0, True),
    "the hiss of a phone": (100, True),
    "a whisper": (300, False),
    "speech": (6000, False),
}


@pytest.mark.parametrize(("level", "silent"), LEVELS.values(), ids=LEVELS)
def test_silence_is_told_from_speech(level, silent):
    assert (max(measure_levels(tone(1, level=level).tobytes())) < SILENCE_LEVEL) is silent


@pytest.mark.parametrize("seconds", [0.01, 59.99, 60, 60.02, 119, 185])
def test_no_piece_is_longer_than_a_minute_and_together_they_are_the_whole(seconds):
    whole = tone(seconds).tobytes()
    cutter = PieceCutter()

    pieces = [
        piece for at in range(0, len(whole), 6400) for piece in cutter.feed(whole[at : at + 6400])
    ]
    pieces += cutter.end()

    assert b"".join(piece.samples for piece in pieces) == whole
    assert all(0 < piece.seconds <= 60 for piece in pieces)
    assert all(array("h", piece.samples) for piece in pieces)
