"""`python -m ambrosio.demo.download_child REFERENCE FOLDER`: downloads one model.

In a process of its own, because a download blocks, and because killing the process is how it is
cancelled: the part already there is kept and the next download resumes. Writes a line of JSON to
stdout for each bit of progress, and one with the reason if it fails. Ends when the demo does.
"""

import json
import os
import sys
import threading
from pathlib import Path

from ..llama.download import ensure_model
from ..llama.errors import ModelUnusable

FAILED = 3
# How often the progress is told, in parts of the whole.
STEPS = 500


class ProgressLines:
    """Tells the progress of a download on standard output."""

    def __init__(self) -> None:
        self._last = -1

    def report(self, done: int, total: int) -> None:
        """Write a line if there is progress worth telling; both are in bytes."""
        step = done * STEPS // total if total else 0
        if step != self._last:
            self._last = step
            print(json.dumps({"done": done, "total": total}), flush=True)


def main() -> int:
    """Download the model and return the exit code."""
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    reference, folder = sys.argv[1:]
    try:
        ensure_model(reference, Path(folder), ProgressLines().report)
    except ModelUnusable as exc:
        print(json.dumps({"reason": exc.reason, "remedy": exc.remedy if exc.permanent else ""}))
        return FAILED
    return 0


def _exit_with_parent() -> None:
    while os.read(0, 1):
        pass
    os._exit(FAILED)


if __name__ == "__main__":
    sys.exit(main())
