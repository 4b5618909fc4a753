"""`python -m ambrosio.demo.bot_child`: `ambrosio run`, on a line that it does not outlive.

The demo holds the other end of our standard input. When it is gone, however it has ended, the line
reads as closed, and we end, too.
"""

import os
import runpy
import signal
import sys
import threading
import time

GRACE_SECONDS = 10.0


def main() -> None:
    """Be `ambrosio run` until the line is cut."""
    threading.Thread(target=_hold, daemon=True).start()
    sys.argv = ["ambrosio", "run"]
    runpy.run_module("ambrosio", run_name="__main__")


def _hold() -> None:
    # Not through `sys.stdin`, whose lock would be in the way when the program ends by itself.
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
