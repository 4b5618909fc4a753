"""Reads the files of `prompts/`, and the owner's own system prompt if there is one.

The files are in the wheel, or at the top of a checkout.
"""

import re
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from ..core.errors import InvalidSettings

SYSTEM_PROMPT = "system.txt"
# A prompt of the owner's own that says nothing of "vv" is given our rule.
VV = re.compile(r"\bvv\b")
# Far more than anybody writes; a larger file is another kind of file.
MAX_BYTES = 100_000


def read(name: str) -> str:
    """Return the text of a file in `prompts/`, or raise `FileNotFoundError`."""
    return _folder().joinpath(*name.split("/")).read_text("utf-8").strip()


def list_prompts(folder: str) -> list[str]:
    """List the file names in a folder of `prompts/`."""
    return sorted(path.name for path in _folder().joinpath(folder).iterdir())


def own_file(setting: Path | None, data_dir: Path) -> Path | None:
    """Return where the owner's own system prompt is: the file of the setting, or the usual one."""
    usual = data_dir / "prompts" / SYSTEM_PROMPT
    return setting or (usual if usual.exists() else None)


def system_prompt(setting: Path | None, data_dir: Path) -> str:
    """Return the system prompt: the owner's own, with the rule of vv, or the one we ship.

    Raises `InvalidSettings` if the owner's file cannot be read or is empty.
    """
    path = own_file(setting, data_dir)
    if path is None:
        return read(SYSTEM_PROMPT)
    text = _read_own(path, name="AMBROSIO_SYSTEM_PROMPT_FILE" if setting else "")
    return text if VV.search(text) else f"{text}\n\n{vv_rule()}"


def vv_rule() -> str:
    """Return the paragraph of the shipped system prompt that says what vv means."""
    return next(part for part in read(SYSTEM_PROMPT).split("\n\n") if VV.search(part))


def _read_own(path: Path, *, name: str) -> str:
    problem = "is empty"
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig").strip()
    except OSError as exc:
        text, problem = "", f"cannot be read: {exc.strerror}"
    except UnicodeDecodeError:
        text, problem = "", "is not UTF-8 text"
    else:
        if len(content) > MAX_BYTES:
            text, problem = "", f"is larger than {MAX_BYTES // 1000} kB"
    if not text:
        named, problem = (name, f"`{path}` {problem}") if name else (str(path), problem)
        raise InvalidSettings([(named, problem, "expected a text file with your instructions")])
    return text


def _folder() -> Traversable:
    packaged = resources.files("ambrosio").joinpath("prompts")
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "prompts"
