"""`ambrosio transcribe`: the transcript on stdout, everything else on stderr."""

import pytest

from ambrosio.cli.transcribe import transcribe
from ambrosio.config import settings
from ambrosio.core import texts
from ambrosio.emulators.model_server.server import ErrorStatus, FakeModelServer

from ..support.media_files import sound, tone

LONG = tone(50) + tone(0.6, level=0) + tone(30)


@pytest.fixture
async def hear(tmp_path, model, model_url, capsys):
    """Transcribe a recording with a llama.cpp that listens, and return what was printed."""
    model.audio = True

    async def run(content=None):
        path = tmp_path / "note.ogg"
        if content is not None:
            path.write_bytes(content)
        given = {"ambrosio_data_dir": tmp_path, "llama_base_url": model_url}
        code = await transcribe(settings.load(tmp_path, **given), path)
        return code, capsys.readouterr()

    return run


async def test_the_text_is_on_stdout_and_the_progress_on_stderr(hear, model):
    model.sound.transcript_script += ["One.", "Two."]

    code, printed = await hear(sound(LONG))

    assert (code, printed.out) == (0, "One. Two.\n")
    assert printed.err == ("Transcribing: minute 1 of 1.\nTranscribing: minute 1 of 1.\n(llama)\n")


WRONG = {
    "no such file": (None, 2, "Cannot read"),
    "silence": (sound(tone(2, level=0)), 1, texts.NO_WORDS),
    "a text": (b"just words, and many more", 1, "I cannot read this kind of file."),
    "nothing": (b"", 1, "There is nothing to read in this file."),
}


@pytest.mark.parametrize(("content", "code", "line"), WRONG.values(), ids=WRONG)
async def test_what_cannot_be_heard_is_an_error_of_one_line(hear, content, code, line):
    ended, printed = await hear(content)

    assert (ended, printed.out) == (code, "")
    assert printed.err.startswith(f"error: {line}")


async def test_who_fails_is_named(hear, model):
    model.sound.transcript_script += [ErrorStatus(401)]

    code, printed = await hear(sound(tone(2)))

    assert (code, printed.out) == (1, "")
    assert "rejected the API key" in printed.err


async def test_without_ears_the_owner_is_told_how_to_get_some(tmp_path, capsys):
    async with FakeModelServer().serving() as url:
        loaded = settings.load(tmp_path, ambrosio_data_dir=tmp_path, llama_base_url=url)
        (tmp_path / "note.ogg").write_bytes(sound(tone(2)))

        assert await transcribe(loaded, tmp_path / "note.ogg") == 1
    assert "LLAMA_EARS" in capsys.readouterr().err
