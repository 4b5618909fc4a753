"""Signs of life for systemd's watchdog and Docker's health check.

Sent after completed getUpdates and at no other time: a bot that receives nothing looks healthy in
every other way.
"""

import os
import socket
from pathlib import Path


def beat(data_dir: Path) -> None:
    """Touch `alive` in the data folder and tell systemd, if it has started us."""
    (data_dir / "alive").touch()
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    # An abstract socket is written with an @ and named with a NUL.
    name = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"READY=1\nWATCHDOG=1", name)
