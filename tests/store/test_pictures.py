"""The pictures that people sent: kept once, read as they came, gone when they are forgotten."""

import hashlib
import stat

import pytest

from ambrosio.core.errors import StoreFailed
from ambrosio.core.messages import Chat, PicturePart, Turn
from ambrosio.store import Store, TurnResult
from ambrosio.store.pictures import ORPHAN_SECONDS, folder_of

from ..support.erasing import expire, forget_chat, forget_person

HERE = Chat(42)
JPEG = b"\xff\xd8 a cat \xff\xd9"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "ambrosio.db"


@pytest.fixture
def store(path, clock):
    with Store(path, now=clock) as opened:
        yield opened


def shown(store, *contents, chat=HERE, message_id=1, user_id=42, replaces_id=None):
    parts = tuple(PicturePart(store.pictures.keep(content), 640, 480) for content in contents)
    turn = Turn(chat, message_id, user_id, "what is this?", replaces_id=replaces_id, pictures=parts)
    return store.finish(None, result=TurnResult(turn, "A cat."))


def folder_at(path):
    folder = folder_of(path)
    assert folder
    return folder


def names(path):
    folder = folder_at(path)
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


def test_the_bytes_come_back_as_they_were(store, path):
    turn_id = shown(store, JPEG, b"other")
    [past] = store.conversations.history(turn_id)

    assert [store.pictures.read(picture.hash) for picture in past.pictures] == [JPEG, b"other"]
    assert past.pictures == store.conversations.turn(turn_id).turn.pictures
    assert past.pictures[0] == PicturePart(hashlib.sha256(JPEG).hexdigest(), 640, 480)
    folder = folder_at(path)
    modes = {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert (modes, stat.S_IMODE(folder.stat().st_mode)) == ({0o600}, 0o700)


def test_the_same_picture_is_kept_once(store, path):
    shown(store, JPEG, message_id=1)
    shown(store, JPEG, message_id=2)

    assert len(names(path)) == 1


@pytest.mark.parametrize("how", ["chat", "person", "expire"])
def test_what_is_forgotten_is_gone_from_the_disk(store, path, clock, how):
    shown(store, JPEG)
    shown(store, b"both", message_id=2)
    shown(store, b"both", chat=Chat(43), user_id=43)
    if how == "chat":
        forget_chat(store, HERE)
    elif how == "person":
        forget_person(store, 42)
    else:
        clock.pass_seconds(100)
        shown(store, b"both", chat=Chat(43), user_id=43, message_id=3)
        expire(store, clock() - 50)

    assert names(path) == [hashlib.sha256(b"both").hexdigest()]


def test_what_a_crash_left_behind_is_swept_up_later(store, path, clock):
    shown(store, JPEG)
    orphan = store.pictures.keep(b"no row names it")
    (folder_at(path) / "half.part").write_bytes(b"half")
    store.pictures.sweep()
    assert orphan in names(path)
    clock.pass_seconds(ORPHAN_SECONDS + 1)
    again = store.pictures.keep(b"it comes again")
    store.pictures.sweep()

    assert names(path) == sorted([hashlib.sha256(JPEG).hexdigest(), again])


def test_a_picture_that_took_the_place_of_another_is_the_one_that_stays(store, path, clock):
    turn_id = shown(store, b"before")
    shown(store, JPEG, replaces_id=turn_id)
    clock.pass_seconds(ORPHAN_SECONDS + 1)
    store.pictures.sweep()

    assert names(path) == [hashlib.sha256(JPEG).hexdigest()]


def test_one_that_is_gone_reads_as_nothing(store, path):
    name = store.pictures.keep(JPEG)
    (folder_at(path) / name).unlink()

    assert store.pictures.read(name) == b""


def test_a_backup_has_them_too(store, path, tmp_path, clock):
    turn_id = shown(store, JPEG)
    store.archive.backup(tmp_path / "copy")

    with Store(tmp_path / "copy", now=clock) as copy:
        [past] = copy.conversations.history(turn_id)
        assert copy.pictures.read(past.pictures[0].hash) == JPEG


def test_a_full_disk_is_said(store, path):
    folder_at(path).write_bytes(b"in the way")

    with pytest.raises(StoreFailed):
        store.pictures.keep(JPEG)
