"""The texts that come with Ambrosio: inside of the wheel, or at the top of a checkout."""

from importlib import resources
from pathlib import Path


def text(name: str) -> str | None:
    """Read one of the shipped files of `prompts/`; None if there is none of that name."""
    packaged = resources.files(__package__).joinpath("prompts", name)
    if packaged.is_file():
        return packaged.read_text("utf-8").strip()
    beside = Path(__file__).parent.parent / "prompts" / name
    return beside.read_text("utf-8").strip() if beside.is_file() else None
