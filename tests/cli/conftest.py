"""The real program, started from a shell or in a terminal, with a fake model server."""

import asyncio
import os
import sys
from dataclasses import dataclass

import pytest

from ..support import PATIENCE_SECONDS, ROOT
from ..support.terminal import terminal_program

KEY = "sk-very-secret-key"


@dataclass
class Ended:
    code: int
    out: str
    err: str


@pytest.fixture
def environment(tmp_path, model_url):
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "error",
        "PYTHONIOENCODING": "utf-8",
        "AMBROSIO_DATA_DIR": str(tmp_path / "data"),
        "LLAMA_BASE_URL": model_url,
        "LLAMA_API_KEY": KEY,
    }


@pytest.fixture
def ambrosio(tmp_path, environment):
    """Run the real program."""

    async def start(*words, stdin="", **extra):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "ambrosio", *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=tmp_path,
            env={**environment, **extra},
        )
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                out, err = await process.communicate(stdin.encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()
        ended = Ended(int(process.returncode or 0), out.decode(), err.decode())
        assert "Traceback" not in ended.err
        assert KEY not in ended.out + ended.err
        return ended

    return start


@pytest.fixture
def in_terminal(tmp_path, environment):
    """Run the real program in a terminal."""

    def start(*words, **extra):
        command = (sys.executable, "-m", "ambrosio", *words)
        return terminal_program(*command, env={**environment, **extra}, cwd=tmp_path)

    return start
