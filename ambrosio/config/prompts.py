"""The texts that come with Ambrosio: inside of the wheel, or at the top of a checkout."""

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path


def read(name: str) -> str:
    """Read one of the files of `prompts/`, or raise `FileNotFoundError`."""
    return _folder().joinpath(*name.split("/")).read_text("utf-8").strip()


def list_prompts(folder: str) -> list[str]:
    """List the files of one of its folders."""
    return sorted(each.name for each in _folder().joinpath(folder).iterdir())


def _folder() -> Traversable:
    packaged = resources.files("ambrosio").joinpath("prompts")
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "prompts"
