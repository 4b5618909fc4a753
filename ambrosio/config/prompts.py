"""Reads the files of `prompts/`, from the wheel or from the top of a checkout."""

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path


def read(name: str) -> str:
    """Return the text of a file in `prompts/`, or raise `FileNotFoundError`."""
    return _folder().joinpath(*name.split("/")).read_text("utf-8").strip()


def list_prompts(folder: str) -> list[str]:
    """List the file names in a folder of `prompts/`."""
    return sorted(path.name for path in _folder().joinpath(folder).iterdir())


def _folder() -> Traversable:
    packaged = resources.files("ambrosio").joinpath("prompts")
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "prompts"
