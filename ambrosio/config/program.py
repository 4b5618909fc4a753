"""How this program was started, so that the commands it advises can be typed as they stand."""

import os
import re
import shlex
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

# Set in our image, where the command is given from outside.
IN_CONTAINER = "CONTAINER_COMMAND"
IMAGE_BUILD = "docker compose build --build-arg EXTRAS=llama,media"
# How texts advise to install an extra.
EXTRA = re.compile(r"`pip install '\.\[(\w+)\]'`")


def started_as() -> str:
    """Return how Ambrosio is called from here, such as `ambrosio` or `.venv/bin/ambrosio`."""
    if in_container := os.environ.get(IN_CONTAINER):
        return in_container
    script = Path(sys.argv[0])
    if script.name == "__main__.py" and script.parent.name == "ambrosio":
        return f"{shlex.quote(_shortest(Path(sys.executable)))} -m ambrosio"
    if script.name != "ambrosio":
        return "ambrosio"
    found = shutil.which("ambrosio")
    if found and os.path.realpath(found) == os.path.realpath(script):
        return "ambrosio"
    return shlex.quote(_shortest(script))


def advise(text: str) -> str:
    """Put the way this program was started into the commands that a text advises.

    They stand in backticks, such as `ambrosio doctor` or `pip install '.[media]'`.
    """
    text = EXTRA.sub(lambda match: f"`{_extra_command(match[1])}`", text)
    return text.replace("`ambrosio ", f"`{started_as()} ")


def is_temporary() -> bool:
    """Say whether `uvx` or `pipx run` has put this program into its cache, to be run once."""
    parts = Path(sys.prefix).parts
    return any(part == ".cache" or part.startswith("archive-v") for part in parts)


def install_command(packages: str) -> str:
    """Return the command that installs packages beside this program, with pip or with uv."""
    python = shlex.quote(_shortest(Path(sys.executable)))
    if find_spec("pip") is None:
        return f"uv pip install --python {python} {packages}"
    return f"{python} -m pip install {packages}"


def _extra_command(extra: str) -> str:
    """Return the command that adds an extra, by its packages: Ambrosio is on no registry."""
    if os.environ.get(IN_CONTAINER):
        return IMAGE_BUILD
    from importlib import metadata  # noqa: PLC0415  `ambrosio health` does without it

    try:
        required = metadata.requires("ambrosio") or []
    except metadata.PackageNotFoundError:
        required = []
    wanted = [
        shlex.quote(requirement.partition(";")[0].strip())
        for requirement in required
        if re.search(rf"extra == ['\"]{extra}['\"]", requirement)
    ]
    return install_command(" ".join(wanted) or f"'.[{extra}]'")


def _shortest(path: Path) -> str:
    """Return a path relative to the current folder if it is inside."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100  a link in .venv/bin is not to be followed
    folder = Path.cwd()
    return str(absolute.relative_to(folder) if absolute.is_relative_to(folder) else absolute)
