"""The wheel, built and tried on its own: no extras, no checkout, nothing but what pip installs.

Run by `make test`; ends with 1 and says why if what a person would install does not work.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
# What the verbs load on demand; of the extras nothing may come along.
TRIED = """
import sys
from ambrosio.bot import run
from ambrosio.cli import chat, doctor, imagine, main, rice, usage
from ambrosio.config import prompts
from ambrosio.rice import questions
assert questions.parse(prompts.text("rice.toml"), source="rice.toml")
unwanted = {"starlette", "uvicorn", "ambrosio.demo", "ambrosio.emulators", "xllamacpp", "pytest"}
extras = unwanted & set(sys.modules)
assert not extras, f"loaded without need: {extras}"
print(prompts.text("system.txt"))
"""


class Broken(Exception):
    """The wheel does not do what it should."""


def main() -> None:
    """Build, install, try."""
    with tempfile.TemporaryDirectory(prefix="ambrosio-wheel-") as folder:
        try:
            _try_all(Path(folder))
        except Broken as exc:
            sys.exit(f"wheel: {exc}")
    print("wheel: installed on its own, it works")


def _try_all(folder: Path) -> None:
    _run(*PIP, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, within=folder)
    (wheel,) = folder.glob("*.whl")
    # Without a pip of its own it is made in no time; ours can install into it.
    _run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", within=folder)
    python, ambrosio = folder / "venv/bin/python", folder / "venv/bin/ambrosio"
    _run(*PIP, "--python", python, "install", "--quiet", "--no-compile", wheel, within=folder)

    version = wheel.name.split("-")[1]
    _holds(_run(ambrosio, "--help", within=folder), "Usage: ambrosio", "--help")
    _holds(_run(ambrosio, "--version", within=folder), version, "--version")
    prompt = (ROOT / "prompts" / "system.txt").read_text("utf-8").strip()
    _holds(_run(python, "-I", "-c", TRIED, within=folder), prompt, "the packaged prompt")
    missing = _run(ambrosio, "run", within=folder, code=2)
    _holds(missing, "TELEGRAM_BOT_TOKEN", "`ambrosio run` without a token")


def _run(*command: str | Path, within: Path, code: int = 0) -> str:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "AMBROSIO_", "TELEGRAM_", "LLAMA_", "TOGETHER_"))
    }
    done = subprocess.run(
        command, cwd=within, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != code:
        shown = " ".join(map(str, command))
        raise Broken(f"`{shown}` ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def _holds(output: str, wanted: str, what: str) -> None:
    if wanted not in output:
        raise Broken(f"{what} gave\n{output}")


if __name__ == "__main__":
    main()
