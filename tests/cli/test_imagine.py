"""`ambrosio imagine`: what is typed in a terminal, the files that come of it, and what is said."""

import asyncio
import os
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from ambrosio.app import open_app
from ambrosio.assistant.images import ImageProgress
from ambrosio.cli.imagine import STDOUT, draw, read, requote
from ambrosio.config import settings
from ambrosio.core.images import ImagePrompt
from ambrosio.emulators.model_server.drawing import draw_png
from ambrosio.emulators.model_server.server import ErrorStatus, Gives, StallsBefore
from ambrosio.images.options import OptionError

from ..support import DATA
from ..support.running_bot import SDXL

FOX = ImagePrompt("a red fox", seed=7)


@pytest.fixture
async def house(painter_url, tmp_path, clock):
    row = {"base_url": painter_url, "server_kind": "together", "image_model": SDXL, "local": False}
    given = settings.load(tmp_path, providers={"together": row}, ambrosio_data_dir=tmp_path)
    async with open_app(given, now=clock, sleep=clock.sleep) as house:
        yield house


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("a red fox",), "a red fox"),
        (("a", "red", "fox", "--n", "2"), "a red fox --n 2"),
        (("a red fox", "--no", "blurry text"), 'a red fox --no "blurry text"'),
        (("--no", "text", "a red fox"), "--no text a red fox"),
    ],
)
def test_what_the_shell_took_apart_is_one_text_again(words, text):
    assert requote(words) == text


@pytest.mark.parametrize(
    ("text", "output", "line"),
    [
        ("a red fox --n 9", None, "--n 9 does not work"),
        ("--n 2", None, "There is no prompt"),
        ("a red fox --n 2", STDOUT, "A pipe takes one picture"),
        ("a red fox", Path("/nowhere/fox.png"), "No file can be written as /nowhere/fox.png"),
        ("a red fox", Path("/"), "No file can be written as /"),
    ],
)
def test_what_cannot_work_is_told_before_it_costs_anything(text, output, line):
    fault = read(text, output)

    assert isinstance(fault, OptionError)
    assert fault.line.startswith(line)


async def test_a_picture_is_written_where_it_is_wanted(house, clock, tmp_path, capsys):
    code = await draw(
        house.assistant,
        house.image_assistant,
        FOX,
        tmp_path / "fox.png",
        ImageProgress(),
        now=clock,
    )

    assert code == 0
    assert (tmp_path / "fox.png").read_bytes() == draw_png("a red fox", 7, 1024, 1024)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[0] == str(tmp_path / "fox.png")
    assert said.err.splitlines()[1].startswith("SDXL at together · seed 7 · 30 steps · 1024×1024")
    assert house.store.ledger.spent(0) == Decimal("0.0019922944")


async def test_several_pictures_have_numbers_and_their_own_ending(house, clock, tmp_path):
    wish = ImagePrompt("a red fox", count=3, seed=7)
    await draw(
        house.assistant, house.image_assistant, wish, tmp_path / "fox", ImageProgress(), now=clock
    )

    names = ["fox.png", "fox-2.png", "fox-3.png"]
    contents = [draw_png("a red fox", seed, 1024, 1024) for seed in (7, 8, 9)]
    assert [(tmp_path / name).read_bytes() for name in names] == contents


async def test_without_a_name_the_file_is_named_after_the_seed(
    house, clock, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    await draw(house.assistant, house.image_assistant, FOX, None, ImageProgress(), now=clock)

    assert (tmp_path / "picture-7.png").is_file()
    assert capsys.readouterr().err.startswith("picture-7.png\n")


async def test_another_kind_than_the_name_promises_is_said(house, painter, clock, tmp_path, capsys):
    content = (DATA / "fox.webp").read_bytes()
    painter.image_script(Gives((content,)))
    await draw(
        house.assistant,
        house.image_assistant,
        FOX,
        tmp_path / "fox.png",
        ImageProgress(),
        now=clock,
    )

    assert (tmp_path / "fox.png").read_bytes() == content
    assert "fox.png, in truth a WEBP file" in capsys.readouterr().err


async def test_a_pipe_gets_the_bytes_and_nothing_else(house, clock, capfdbinary):
    await draw(house.assistant, house.image_assistant, FOX, STDOUT, ImageProgress(), now=clock)

    assert capfdbinary.readouterr().out == draw_png("a red fox", 7, 1024, 1024)


async def test_a_failure_is_one_line_and_no_file(house, painter, clock, tmp_path, capsys):
    painter.image_script(ErrorStatus(402))
    code = await draw(
        house.assistant,
        house.image_assistant,
        FOX,
        tmp_path / "fox.png",
        ImageProgress(),
        now=clock,
    )

    assert code == 1
    assert not (tmp_path / "fox.png").exists()
    line = "error: The account at together has no credit left. The owner needs to top it up.\n"
    assert capsys.readouterr().err == line


async def test_a_private_terminal_paints_at_home_or_not_at_all(
    painter, painter_url, clock, tmp_path, capsys
):
    row = {"base_url": painter_url, "server_kind": "together", "image_model": SDXL, "local": False}
    given = settings.load(
        tmp_path,
        providers={"together": row},
        ambrosio_data_dir=tmp_path,
        ambrosio_private_default="on",
    )
    async with open_app(given, now=clock, sleep=clock.sleep) as house:
        code = await draw(
            house.assistant,
            house.image_assistant,
            FOX,
            tmp_path / "fox.png",
            ImageProgress(),
            now=clock,
        )

    assert code == 1
    assert capsys.readouterr().err.startswith("error: This chat is private")
    assert painter.image_requests == []


async def test_what_is_there_at_a_stop_is_written_and_accounted_for(
    house, painter, clock, tmp_path, capsys
):
    painter.image_script(StallsBefore())
    canvas = ImageProgress()
    wish = ImagePrompt("a red fox", count=2, seed=7)
    drawing = asyncio.create_task(
        draw(house.assistant, house.image_assistant, wish, tmp_path / "fox.png", canvas, now=clock)
    )
    while not canvas.done:
        canvas.moved.clear()
        await canvas.moved.wait()
    canvas.stop()

    assert await drawing == 130
    assert (tmp_path / "fox.png").is_file()
    assert "1 of 2\nstopped\n" in capsys.readouterr().err
    assert house.store.ledger.spent(0) == Decimal("0.0019922944")


async def test_a_disk_that_is_full_costs_the_picture_nothing_but_its_file(
    house, clock, tmp_path, capsys
):
    (tmp_path / "fox.png").symlink_to(tmp_path / "nowhere" / "fox.png")
    code = await draw(
        house.assistant,
        house.image_assistant,
        FOX,
        tmp_path / "fox.png",
        ImageProgress(),
        now=clock,
    )

    assert code == 1
    assert "error: The disk does not take the picture. " in capsys.readouterr().err
    assert house.store.ledger.spent(0) == Decimal("0.0019922944")


async def test_the_verb_paints(painter_url, tmp_path):
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
    _, said = await running.communicate()

    assert running.returncode == 0
    assert said.decode().startswith("fox.png\nSDXL at together · seed 7 · 30 steps · 1368×768")
    assert (tmp_path / "fox.png").read_bytes() == draw_png("a red fox", 7, 1368, 768)
