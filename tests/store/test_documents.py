"""The files that people sent: their next part, what a search finds, and that they are forgotten."""

import pytest

from ambrosio.core.documents import Chunk, FileInfo
from ambrosio.core.messages import Chat
from ambrosio.store import Store

from ..support.erasing import expire, forget_chat, forget_person

HERE, GROUP = Chat(42), Chat(-5)
INFO = FileInfo("report.pdf", "PDF", "page", 3, is_cut=True)
CHUNKS = [
    Chunk(1, 1, "Rice needs water."),
    Chunk(2, 2, "Crème brûlée needs cream."),
    Chunk(3, 3, "A xylophone needs rice and water, and water."),
]


@pytest.fixture
def store(tmp_path, clock):
    with Store(tmp_path / "ambrosio.db", now=clock) as opened:
        yield opened


def keep(store, chat=HERE, message_id=1, number=0, chunks=CHUNKS, user_id=42):
    store.documents.keep(
        chat, message_id, number, user_id=user_id, info=INFO, chunks=chunks, file_id="f"
    )


def found(store, words, chat=HERE, message_id=1):
    return [chunk.first_part for chunk in store.documents.search(chat, message_id, 0, words)]


def test_a_part_is_there_from_any_place_on(store):
    keep(store)

    assert store.documents.find(HERE, 1, 0) == (INFO, "f")
    assert store.documents.chunks(HERE, 1, 0) == CHUNKS
    assert store.documents.chunks(HERE, 1, 0, 2) == CHUNKS[2:]
    assert store.documents.find(HERE, 2, 0) is None


@pytest.mark.parametrize(
    ("words", "pages"),
    [
        ("water", [1, 3]),
        ("what does it say about the creme?", [2]),
        ("xyloph", [3]),
        ("zebra", []),
        ("", []),
        ('"', []),
        ("NEAR( OR -*", []),
        ("is it", []),
    ],
)
def test_passages_are_found_by_any_of_the_words(store, words, pages):
    keep(store)
    keep(store, message_id=2, chunks=[Chunk(9, 9, "water creme xylophone")])

    assert found(store, words) == pages


def test_a_file_that_comes_again_takes_the_place_of_the_old_one(store):
    keep(store)
    keep(store, chunks=[Chunk(1, 1, "Tea.")])

    assert found(store, "water tea") == [1]
    assert len(store.documents.chunks(HERE, 1, 0)) == 1


@pytest.mark.parametrize("how", ["chat", "person", "expire"])
def test_what_is_forgotten_leaves_no_byte(store, tmp_path, clock, how):
    keep(store)
    clock.pass_seconds(100)
    keep(store, chat=Chat(43), user_id=43, chunks=[Chunk(1, 1, "zebra")])
    if how == "chat":
        forget_chat(store, HERE)
    elif how == "person":
        forget_person(store, 42)
    else:
        expire(store, clock() - 50)
    content = b"".join(path.read_bytes() for path in tmp_path.glob("ambrosio.db*"))

    assert b"xylophone" not in content
    assert b"zebra" in content
    assert found(store, "xylophone water") == []
    assert found(store, "zebra", chat=Chat(43)) == [1]


def test_a_group_that_moves_takes_its_files_along(store):
    keep(store, chat=GROUP)
    store.move_chat(-5, -1005)

    assert found(store, "cream", chat=GROUP) == [2]
    assert found(store, "cream", chat=Chat(-1005), message_id=-1) == [2]
