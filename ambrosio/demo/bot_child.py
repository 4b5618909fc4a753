"""`python -m ambrosio.demo.bot_child`: `ambrosio run` that ends when the demo does.

The demo holds the other end of our standard input. When the demo ends, for whatever reason, the
pipe closes and this process ends, too.
"""

import os
import runpy
import signal
import sys
import threading
import time

GRACE_SECONDS = 10.0


def main() -> None:
    """Run `ambrosio run` until standard input closes."""
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    sys.argv = ["ambrosio", "run"]
    runpy.run_module("ambrosio", run_name="__main__")


def _exit_with_parent() -> None:
    # Not through `sys.stdin`: its lock would block the interpreter's own exit.
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
