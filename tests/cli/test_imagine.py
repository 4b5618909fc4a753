"""`ambrosio imagine`: arguments, the files it writes and what it prints."""

import asyncio
import os
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from ambrosio.app import open_app
from ambrosio.assistant.images import ImageProgress
from ambrosio.cli.imagine import STDOUT, generate, parse_prompt, requote
from ambrosio.config import settings
from ambrosio.core.images import ImagePrompt
from ambrosio.emulators.model_server.drawing import draw_png
from ambrosio.emulators.model_server.server import ErrorStatus, SendsImages, StallsBefore
from ambrosio.images.options import OptionError

from ..support import DATA
from ..support.running_bot import SDXL

FOX = ImagePrompt("a red fox", seed=7)


@pytest.fixture
async def app(painter_url, tmp_path, clock):
    row = {"base_url": painter_url, "server_kind": "together", "image_model": SDXL, "local": False}
    loaded = settings.load(tmp_path, providers={"together": row}, ambrosio_data_dir=tmp_path)
    async with open_app(loaded, now=clock, sleep=clock.sleep) as app:
        yield app


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("a red fox",), "a red fox"),
        (("a", "red", "fox", "--n", "2"), "a red fox --n 2"),
        (("a red fox", "--no", "blurry text"), 'a red fox --no "blurry text"'),
        (("--no", "text", "a red fox"), "--no text a red fox"),
    ],
)
def test_words_from_the_shell_are_joined_and_requoted(words, text):
    assert requote(words) == text


@pytest.mark.parametrize(
    ("text", "output", "line"),
    [
        ("a red fox --n 9", None, "--n 9 does not work"),
        ("--n 2", None, "There is no prompt"),
        ("a red fox --n 2", STDOUT, "Only one image can be written to a pipe"),
        ("a red fox", Path("/nowhere/fox.png"), "Cannot write to /nowhere/fox.png"),
        ("a red fox", Path("/"), "Cannot write to /"),
    ],
)
def test_invalid_orders_are_refused_before_they_cost_anything(text, output, line):
    error = parse_prompt(text, output)

    assert isinstance(error, OptionError)
    assert error.line.startswith(line)


async def test_the_image_is_written_to_the_output_file(app, clock, tmp_path, capsys):
    code = await generate(
        app.assistant,
        app.image_assistant,
        FOX,
        tmp_path / "fox.png",
        ImageProgress(),
        now=clock,
    )

    assert code == 0
    assert (tmp_path / "fox.png").read_bytes() == draw_png("a red fox", 7, 1024, 1024)
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.splitlines()[0] == str(tmp_path / "fox.png")
    assert output.err.splitlines()[1].startswith("SDXL at together · seed 7 · 30 steps · 1024×1024")
    assert app.store.ledger.spent(0) == Decimal("0.0019922944")


async def test_several_images_get_numbers_and_a_suffix(app, clock, tmp_path):
    prompt = ImagePrompt("a red fox", count=3, seed=7)
    await generate(
        app.assistant, app.image_assistant, prompt, tmp_path / "fox", ImageProgress(), now=clock
    )

    names = ["fox.png", "fox-2.png", "fox-3.png"]
    contents = [draw_png("a red fox", seed, 1024, 1024) for seed in (7, 8, 9)]
    assert [(tmp_path / name).read_bytes() for name in names] == contents


async def test_without_a_name_the_file_is_named_after_the_seed(
    app, clock, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    await generate(app.assistant, app.image_assistant, FOX, None, ImageProgress(), now=clock)

    assert (tmp_path / "picture-7.png").is_file()
    assert capsys.readouterr().err.startswith("picture-7.png\n")


async def test_a_suffix_that_does_not_match_the_format_is_reported(
    app, painter, clock, tmp_path, capsys
):
    content = (DATA / "fox.webp").read_bytes()
    painter.image_script(SendsImages((content,)))
    await generate(
        app.assistant,
        app.image_assistant,
        FOX,
        tmp_path / "fox.png",
        ImageProgress(),
        now=clock,
    )

    assert (tmp_path / "fox.png").read_bytes() == content
    assert "fox.png (actually a WEBP file)" in capsys.readouterr().err


async def test_a_pipe_gets_only_the_image(app, clock, capfdbinary):
    await generate(app.assistant, app.image_assistant, FOX, STDOUT, ImageProgress(), now=clock)

    assert capfdbinary.readouterr().out == draw_png("a red fox", 7, 1024, 1024)


async def test_a_failure_prints_one_line_and_writes_no_file(app, painter, clock, tmp_path, capsys):
    painter.image_script(ErrorStatus(402))
    code = await generate(
        app.assistant,
        app.image_assistant,
        FOX,
        tmp_path / "fox.png",
        ImageProgress(),
        now=clock,
    )

    assert code == 1
    assert not (tmp_path / "fox.png").exists()
    line = "error: The account at together has no credit left. Top it up.\n"
    assert capsys.readouterr().err == line


async def test_a_local_only_terminal_does_not_ask_a_remote_provider(
    painter, painter_url, clock, tmp_path, capsys
):
    row = {"base_url": painter_url, "server_kind": "together", "image_model": SDXL, "local": False}
    loaded = settings.load(
        tmp_path,
        providers={"together": row},
        ambrosio_data_dir=tmp_path,
        ambrosio_private_default="on",
    )
    async with open_app(loaded, now=clock, sleep=clock.sleep) as app:
        code = await generate(
            app.assistant,
            app.image_assistant,
            FOX,
            tmp_path / "fox.png",
            ImageProgress(),
            now=clock,
        )

    assert code == 1
    assert capsys.readouterr().err.startswith("error: This chat is private")
    assert painter.image_requests == []


async def test_images_done_before_a_stop_are_written_and_charged(
    app, painter, clock, tmp_path, capsys
):
    painter.image_script(StallsBefore())
    progress = ImageProgress()
    prompt = ImagePrompt("a red fox", count=2, seed=7)
    drawing = asyncio.create_task(
        generate(
            app.assistant, app.image_assistant, prompt, tmp_path / "fox.png", progress, now=clock
        )
    )
    while not progress.done:
        progress.moved.clear()
        await progress.moved.wait()
    progress.stop()

    assert await drawing == 130
    assert (tmp_path / "fox.png").is_file()
    assert "1 of 2\nstopped\n" in capsys.readouterr().err
    assert app.store.ledger.spent(0) == Decimal("0.0019922944")


async def test_an_image_is_charged_even_if_its_file_cannot_be_written(app, clock, tmp_path, capsys):
    (tmp_path / "fox.png").symlink_to(tmp_path / "nowhere" / "fox.png")
    code = await generate(
        app.assistant,
        app.image_assistant,
        FOX,
        tmp_path / "fox.png",
        ImageProgress(),
        now=clock,
    )

    assert code == 1
    assert "error: The image could not be written to the disk. " in capsys.readouterr().err
    assert app.store.ledger.spent(0) == Decimal("0.0019922944")


async def test_the_verb_generates_an_image(painter_url, tmp_path):
    env = {
        **os.environ,
        "AMBROSIO_DATA_DIR": str(tmp_path),
        "TOGETHER_API_KEY": "key",
        "TOGETHER_BASE_URL": painter_url,
        "TOGETHER_IMAGE_MODEL": SDXL,
        "LLAMA_BASE_URL": painter_url,
    }
    words = ("a", "red", "fox", "--ar", "16:9", "--seed", "7", "-o", "fox.png")
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ambrosio", "imagine", *words),
        env=env,
        cwd=tmp_path,
        stderr=asyncio.subprocess.PIPE,
    )
    _, stderr = await running.communicate()

    assert running.returncode == 0
    assert stderr.decode().startswith("fox.png\nSDXL at together · seed 7 · 30 steps · 1368×768")
    assert (tmp_path / "fox.png").read_bytes() == draw_png("a red fox", 7, 1368, 768)
