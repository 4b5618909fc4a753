"""Build the wheel and try it on its own: no extras, no checkout, only what pip installs.

Run by `make test`; exits with 1 and the reason if the installed program does not work.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent
DEMO_SECONDS = 60
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
# Imports what the verbs load on demand; nothing of the extras may be among it.
PROBE = """
import sys
from ambrosio.cli import backup, chat, doctor, imagine, main, rice, run, usage
from ambrosio.config import prompts
from ambrosio.rice import questions
assert questions.parse_questions(prompts.read("rice.toml"), source="rice.toml")
unwanted = {"starlette", "uvicorn", "ambrosio.demo", "ambrosio.emulators", "xllamacpp", "pytest"}
extras = unwanted & set(sys.modules)
assert not extras, f"loaded needlessly: {extras}"
print(prompts.read("system.txt"))
"""


class WheelBroken(Exception):
    """The installed program does not work."""


def main() -> None:
    """Build, install and try the wheel."""
    with tempfile.TemporaryDirectory(prefix="ambrosio-wheel-") as folder:
        try:
            _check_wheel(Path(folder))
        except WheelBroken as exc:
            sys.exit(f"wheel: {exc}")
    print("wheel: works when installed on its own")


def _check_wheel(folder: Path) -> None:
    _run(*PIP, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, within=folder)
    (wheel,) = folder.glob("*.whl")
    # Much faster without a pip of its own; ours can install into it.
    _run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", within=folder)
    python, ambrosio = folder / "venv/bin/python", folder / "venv/bin/ambrosio"
    _run(*PIP, "--python", python, "install", "--quiet", "--no-compile", wheel, within=folder)

    version = wheel.name.split("-")[1]
    _check_contains(_run(ambrosio, "--help", within=folder), "Usage: ambrosio", "--help")
    _check_contains(_run(ambrosio, "--version", within=folder), version, "--version")
    prompt = (ROOT / "prompts" / "system.txt").read_text("utf-8").strip()
    _check_contains(_run(python, "-I", "-c", PROBE, within=folder), prompt, "the packaged prompt")
    missing = _run(ambrosio, "run", within=folder, code=2)
    _check_contains(missing, "TELEGRAM_BOT_TOKEN", "`ambrosio run` without a token")
    _check_contains(_run(ambrosio, "health", within=folder, code=1), "unhealthy", "health")
    unit = _run(ambrosio, "install", "--user", "--dry-run", within=folder)
    _check_contains(unit, f"ExecStart={ambrosio} run", "`ambrosio install --dry-run`")
    _check_demo(ambrosio, folder)


def _check_demo(ambrosio: Path, folder: Path) -> None:
    """Open the demo without any extra, and end it with Ctrl+C."""
    command = (ambrosio, "demo", "--no-browser", "--port", "0", "--model", "stand-in")
    with subprocess.Popen(
        command, cwd=folder, env=_environment(folder), stdout=subprocess.PIPE, text=True
    ) as process:
        ended = threading.Timer(DEMO_SECONDS, process.kill)
        ended.start()
        try:
            line = process.stdout.readline() if process.stdout else ""
            _check_contains(line, "Ambrosio is at http://", "`ambrosio demo`")
            with urllib.request.urlopen(line.split()[-1], timeout=DEMO_SECONDS) as answer:
                _check_contains(answer.read().decode(), "<title>Ambrosio", "the demo's page")
            process.send_signal(signal.SIGINT)
            if code := process.wait():
                raise WheelBroken(f"`ambrosio demo` exited with {code}")
        finally:
            ended.cancel()
            process.kill()


def _environment(folder: Path) -> dict[str, str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "AMBROSIO_", "TELEGRAM_", "LLAMA_", "TOGETHER_"))
    }
    return {**environment, "AMBROSIO_DATA_DIR": str(folder / "data")}


def _run(*command: str | Path, within: Path, code: int = 0) -> str:
    process = subprocess.run(
        command, cwd=within, env=_environment(within), capture_output=True, text=True, check=False
    )
    if process.returncode != code:
        line = " ".join(map(str, command))
        raise WheelBroken(
            f"`{line}` exited with {process.returncode}\n{process.stdout}{process.stderr}"
        )
    return process.stdout + process.stderr


def _check_contains(output: str, expected: str, command: str) -> None:
    if expected not in output:
        raise WheelBroken(f"{command} printed\n{output}")


if __name__ == "__main__":
    main()
