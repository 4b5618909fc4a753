"""The download of a model from the page: one at a time, with progress, and cancelled at will."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..emulators import Json
from ..llama.errors import format_bytes
from .bot_process import source_path
from .model_offer import OfferedModel

RESUMES = "Try again; it resumes where it stopped."


class ModelDownload:
    """A download in a child process; `state` is what the page is told about it."""

    def __init__(
        self,
        models_dir: Path,
        *,
        on_change: Callable[[Json], None],
        on_done: Callable[[OfferedModel], None],
    ) -> None:
        """Store the arguments.

        Args:
            models_dir: The folder for models.
            on_change: Called with the new `state` after each change.
            on_done: Called with a model that is complete.
        """
        self.models_dir = models_dir
        self._on_change, self._on_done = on_change, on_done
        self._wanted: asyncio.Queue[OfferedModel] = asyncio.Queue()
        self._process: asyncio.subprocess.Process | None = None
        self._cancelled = False
        self.state: Json = {"state": "idle"}

    async def run(self) -> None:
        """Download one model after the other as they are asked for, until cancelled."""
        while True:
            model = await self._wanted.get()
            if await self._download(model):
                self._on_done(model)

    def start(self, model: OfferedModel) -> None:
        """Download a model, unless another download is running."""
        if self.state["state"] != "running":
            self._set(_describe(model, 0, 0))
            self._wanted.put_nowait(model)

    async def _download(self, model: OfferedModel) -> bool:
        """Download a model; return whether it is complete.

        `state` is `running` meanwhile, with `done` and `total` in bytes, and afterwards `done`,
        `cancelled`, or `failed` with a sentence as `reason`.
        """
        self._cancelled, failure = False, {}
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"{__package__}.download_child"),
            *(model.reference, str(self.models_dir)),
            env={**os.environ, **source_path()},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            while process.stdout is not None and (line := await process.stdout.readline()):
                fields = json.loads(line)
                if "reason" in fields:
                    failure = fields
                elif not self._cancelled:
                    self._set(_describe(model, fields["done"], fields["total"]))
            code = await process.wait()
        finally:
            self._kill()
            self._process = None
        self._set({"label": model.label, **self._outcome(code, failure)})
        return bool(self.state["state"] == "done")

    def cancel(self) -> None:
        """Stop the download; what is there already is kept."""
        if self._process is not None:
            self._cancelled = True
            self._kill()

    def _outcome(self, code: int, failure: Json) -> Json:
        if self._cancelled:
            return {"state": "cancelled"}
        if code == 0:
            return {"state": "done"}
        reason = str(failure.get("reason") or f"the download ended with code {code}")
        remedy = failure.get("remedy") or RESUMES
        return {"state": "failed", "reason": f"{reason[0].upper()}{reason[1:]}. {remedy}"}

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    def _set(self, state: Json) -> None:
        self.state = state
        self._on_change(state)


def _describe(model: OfferedModel, done: int, total: int) -> Json:
    progress = f"{format_bytes(done)} of {format_bytes(total)}" if total else "starting"
    return {
        "state": "running",
        "label": model.label,
        "done": done,
        "total": total,
        "progress": progress,
    }
