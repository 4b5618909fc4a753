"""Only one process at a time holds a lock, and it ends with the process."""

import contextlib
import subprocess
import sys

import pytest

from ambrosio.config.file_lock import file_lock

HOLD = """
import sys
from pathlib import Path
from ambrosio.config.file_lock import file_lock

with file_lock(Path(sys.argv[1])) as locked:
    print(locked, flush=True)
    sys.stdin.readline()
"""


@contextlib.contextmanager
def another_process(path):
    """Start a process that asks for the lock and keeps it until it is told to end."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield process, process.stdout.readline() == b"True\n"
        finally:
            process.stdin.close()
            process.wait()


def test_a_free_lock_is_taken_and_the_file_stays(tmp_path):
    path = tmp_path / "lock"

    with file_lock(path) as locked:
        assert locked

    assert path.exists()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_lock_of_another_process_is_not_taken(tmp_path):
    path = tmp_path / "lock"

    with another_process(path) as (_, theirs), file_lock(path) as locked:
        assert (theirs, locked) == (True, False)


def test_another_process_does_not_take_ours(tmp_path):
    path = tmp_path / "lock"

    with file_lock(path) as locked, another_process(path) as (_, theirs):
        assert (locked, theirs) == (True, False)


@pytest.mark.parametrize("how", ["ends", "is killed"])
def test_the_lock_ends_with_the_process_that_holds_it(tmp_path, how):
    path = tmp_path / "lock"

    with another_process(path) as (process, theirs):
        if how == "is killed":
            process.kill()
            process.wait()
    with file_lock(path) as locked:
        assert (theirs, locked) == (True, True)


def test_one_that_waits_gets_the_lock_when_it_is_free(tmp_path):
    path = tmp_path / "lock"

    with another_process(path) as (process, theirs):
        process.stdin.close()
        with file_lock(path, wait=True) as locked:
            assert (theirs, locked) == (True, True)


def test_an_exception_inside_releases_the_lock(tmp_path):
    path = tmp_path / "lock"

    with contextlib.suppress(ZeroDivisionError), file_lock(path):
        raise ZeroDivisionError

    with file_lock(path) as locked:
        assert locked


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path):
    with pytest.raises(OSError, match="No such file"), file_lock(tmp_path / "missing" / "lock"):
        pass
