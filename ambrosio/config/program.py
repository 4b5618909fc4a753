"""How this program was started, so that the commands it advises can be typed as they stand."""

import os
import shlex
import shutil
import sys
from pathlib import Path

# Set in our image, where the command is given from outside.
IN_CONTAINER = "CONTAINER_COMMAND"


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

    They stand in backticks, such as `ambrosio doctor`.
    """
    return text.replace("`ambrosio ", f"`{started_as()} ")


def _shortest(path: Path) -> str:
    """Return a path relative to the current folder if it is inside."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100  a link in .venv/bin is not to be followed
    folder = Path.cwd()
    return str(absolute.relative_to(folder) if absolute.is_relative_to(folder) else absolute)
