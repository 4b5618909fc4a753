"""A lock that only one process on this machine holds, and that ends with the process.

Advisory (`flock`): it keeps out nothing but other users of the same function.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def file_lock(path: Path, *, wait: bool = False) -> Iterator[bool]:
    """Lock a file, which is created if need be; yield whether this process has the lock.

    Raises `OSError` if the file cannot be opened.

    Args:
        path: the lock file; it stays behind, since removing it would race with the next owner.
        wait: block until the lock is free instead of yielding False.
    """
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)
