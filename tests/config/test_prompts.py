"""Which system prompt a model is given."""

import pytest

from ambrosio.config import prompts
from ambrosio.core.errors import InvalidSettings

SHIPPED = prompts.read("system.txt")


def test_without_a_file_of_ones_own_the_shipped_prompt_is_used(tmp_path):
    assert prompts.system_prompt(None, tmp_path) == SHIPPED


def test_a_file_in_the_data_folder_is_found(tmp_path):
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "system.txt").write_text("You are a pirate. vv: one word.\n")

    assert prompts.system_prompt(None, tmp_path) == "You are a pirate. vv: one word."


def test_the_file_of_the_setting_comes_first(tmp_path):
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "system.txt").write_text("vv no")
    mine = tmp_path / "mine.txt"
    mine.write_text("vv yes", encoding="utf-8-sig")

    assert prompts.system_prompt(mine, tmp_path) == "vv yes"


def test_the_rule_of_vv_is_kept(tmp_path):
    mine = tmp_path / "mine.txt"
    mine.write_text("You are a savvy pirate.")

    own, rule = prompts.system_prompt(mine, tmp_path).split("\n\n")

    assert own == "You are a savvy pirate."
    assert rule == prompts.vv_rule()
    assert rule in SHIPPED


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n", "is empty"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        (b"vv" * 60_000, "is larger than 100 kB"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path, content, problem):
    mine = tmp_path / "mine.txt"
    if content is not None:
        mine.write_bytes(content)

    with pytest.raises(InvalidSettings) as caught:
        prompts.system_prompt(mine, tmp_path)

    (line,) = caught.value.lines
    assert line == (
        f"AMBROSIO_SYSTEM_PROMPT_FILE: `{mine}` {problem}; "
        "expected a text file with your instructions"
    )
