"""Signs of life for systemd's watchdog and for `ambrosio health`.

Sent when Telegram has answered and at no other time: a bot that receives nothing looks healthy in
every other way. The moment is on the monotonic clock, which all processes of a machine share, so
that a clock that is set does not make a healthy bot look ill.
"""

import logging
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

ALIVE_FILE = "alive"
# A poll takes up to 50 seconds, and after a failed one the next may wait for 30.
MAX_SILENCE_SECONDS = 90


def beat(data_dir: Path, *, now: Callable[[], float] = time.monotonic) -> None:
    """Note the moment in `alive` in the data folder and tell systemd, if it has started us."""
    try:
        # Written over in place, always as long: a full disk has room for that.
        handle = os.open(data_dir / ALIVE_FILE, os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            os.pwrite(handle, f"{now():020.3f}\n".encode(), 0)
        finally:
            os.close(handle)
    except OSError as exc:
        log.warning("the heartbeat file cannot be written: %s", exc.strerror)
    if address := os.environ.get("NOTIFY_SOCKET"):
        _notify(address)


def _notify(address: str) -> None:
    # An abstract socket is written with an @ and named with a NUL.
    name = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"READY=1\nWATCHDOG=1", name)
    except OSError as exc:
        log.warning("systemd cannot be notified: %s", exc.strerror)


def silence_seconds(data_dir: Path, *, now: Callable[[], float] = time.monotonic) -> float | None:
    """Return how long ago the last sign of life was; None if there was none since the boot.

    Raises `OSError` if the folder cannot be read.
    """
    try:
        written = (data_dir / ALIVE_FILE).read_text("ascii")
        seconds = now() - float(written)
    except (FileNotFoundError, ValueError):
        return None
    # The clock begins anew when the machine starts.
    return seconds if seconds >= 0 else None
