"""What an MCP server's table may say."""

import pytest

from ambrosio.config.settings import load
from ambrosio.core.errors import InvalidSettings


def write(folder, row, name="notes"):
    (folder / "ambrosio.toml").write_text(f"[mcp.{name}]\n{row}\n")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ('allow = ["x"]', "needs either `command` or `url`"),
        ('allow = ["x"]\ncommand = ["x"]\nurl = "http://x"', "needs either `command` or `url`"),
        ('command = ["x"]', "allow"),
        ('command = ["x"]\nallow = []', "allow"),
        ('url = "ftp://x"\nallow = ["x"]', "is not an HTTP URL"),
        ('command = ["x"]\nallow = ["x"]\nprivate = true', "private"),
        (
            'url = "https://notes.example/mcp"\nallow = ["x"]\nlocal_only = true',
            "has `local_only = true`, but its address is not local",
        ),
    ],
)
def test_a_wrong_table_is_told(tmp_path, row, problem):
    write(tmp_path, row)

    with pytest.raises(InvalidSettings) as failed:
        load(tmp_path)
    assert problem in "\n".join(failed.value.lines)
    assert "ambrosio.toml: mcp" in failed.value.lines[0]


@pytest.mark.parametrize("name", ["Notes", "my_notes", '"my notes"', "a23456789012345678"])
def test_a_name_is_short_and_plain(tmp_path, name):
    write(tmp_path, 'command = ["x"]\nallow = ["x"]', name)

    with pytest.raises(InvalidSettings, match="at most 16 lowercase letters and digits"):
        load(tmp_path)


def test_its_keys_are_secrets(tmp_path):
    write(tmp_path, 'command = ["x"]\nallow = ["x"]\nenv = { TOKEN = "secret-variable" }')
    given = load(tmp_path)

    assert given.secrets == ("secret-variable",)
    assert "secret-variable" not in f"{given!r} {given.mcp!r}"
    write(tmp_path, 'url = "http://127.0.0.1:1/"\napi_key = "secret-key"\nallow = ["x"]')
    assert load(tmp_path).secrets == ("secret-key",)
