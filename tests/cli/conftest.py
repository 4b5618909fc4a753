"""The real program, started from a shell or in a terminal, with a fake model server."""

import asyncio
import os
from dataclasses import dataclass
from tempfile import TemporaryFile

import pytest

from ..support import PATIENCE_SECONDS, ROOT
from ..support.program import start_program
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
        with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
            given.write(stdin.encode())
            given.seek(0)
            process = await start_program(
                *words, env={**environment, **extra}, cwd=tmp_path, streams=(given, out, err)
            )
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await process.wait()
            finally:
                process.kill()
                code = await process.wait()
            said = []
            for stream in (out, err):
                stream.seek(0)
                said.append(stream.read().decode())
        ended = Ended(code, *said)
        assert "Traceback" not in ended.err
        assert KEY not in ended.out + ended.err
        return ended

    return start


@pytest.fixture
def in_terminal(tmp_path, environment):
    """Run the real program in a terminal."""

    def start(*words, **extra):
        return terminal_program(*words, env={**environment, **extra}, cwd=tmp_path)

    return start
