"""What is forgotten leaves no byte, whatever happens meanwhile."""

import random
import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest

from ambrosio.core.documents import Chunk, FileInfo
from ambrosio.core.messages import Chat, Turn
from ambrosio.store import Store, TurnResult
from ambrosio.store.database import Database
from ambrosio.store.page_scrub import PageScrub, find_gap

from ..support.erasing import expire, finish, forget_chat, forget_person

ANNA, BEN, EVE = 42, 43, 44
GROUP = Chat(-1001)
INFO = FileInfo("report.pdf", "PDF", "page", 3)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "one" / "ambrosio.db"


@pytest.fixture
def store(path, clock):
    with Store(path, now=clock) as opened:
        fill(opened, clock)
        yield opened


def mark(user_id, chat_id):
    return f"of{user_id}at{abs(chat_id)}x"


def fill(store, clock, turns=360):
    """Let people speak in turn, alone and in a group, with answers of all lengths, some changed."""
    rng = random.Random(5)
    with store.database.transaction():
        for number in range(turns):
            user_id = (ANNA, BEN, EVE)[number % 3]
            chat = Chat(user_id) if number % 5 else GROUP
            say(store, rng, user_id, chat, number)
            clock.pass_seconds(1)


def say(store, rng, user_id, chat, number):
    word = mark(user_id, chat.chat_id)

    def words(count):
        return " ".join(f"{word}{rng.randrange(10**6)}" for _ in range(count))

    turn = Turn(chat, number, user_id, words(3))
    turn_id = store.finish(None, result=TurnResult(turn, words(rng.randint(1, 120))))
    if number % 4 == 0:
        again = Turn(chat, number, user_id, words(3), replaces_id=turn_id)
        store.finish(None, result=TurnResult(again, words(rng.randint(1, 120))))
    store.conversations.keep_parts(chat, number, {number: words(9)})
    if number % 20 == 0:
        chunks = [Chunk(page, page, words(40)) for page in range(5)]
        store.documents.keep(chat, number, 0, user_id=user_id, info=INFO, chunks=chunks)


def left(folder):
    """Count what is left of each person in each place, in every byte of the files."""
    content = b"".join(file.read_bytes() for file in sorted(folder.glob("ambrosio.db*")))
    places = [(user, chat) for user in (ANNA, BEN, EVE) for chat in (user, GROUP.chat_id)]
    return {place: content.count(mark(*place).encode()) for place in places}


def check(store):
    assert store.database.read("PRAGMA integrity_check")[0][0] == "ok"
    store.database.read("INSERT INTO turn_words (turn_words) VALUES ('integrity-check')")


@pytest.mark.parametrize("how", ["person", "chat", "group", "expiry"])
def test_of_what_is_forgotten_no_byte_is_left(store, path, clock, how):
    before = left(path.parent)
    gone = {
        "person": lambda: forget_person(store, ANNA),
        "chat": lambda: forget_chat(store, Chat(ANNA)),
        "group": lambda: forget_chat(store, GROUP),
        "expiry": lambda: expire(store, clock() + 1),
    }[how]()
    store.database.empty_log()
    after = left(path.parent)

    expected = {
        "person": {(ANNA, ANNA), (ANNA, GROUP.chat_id)},
        "chat": {(ANNA, ANNA)},
        "group": {(user_id, GROUP.chat_id) for user_id in (ANNA, BEN, EVE)},
        "expiry": set(before),
    }[how]
    assert all(before.values())
    assert {place for place in after if not after[place]} == expected
    assert gone == {"person": 120, "chat": 96, "group": 72, "expiry": 360}[how]
    check(store)
    for user_id, chat_id in set(before) - expected:
        word = mark(user_id, chat_id)
        assert store.turn_search.find(word, user_id=user_id, chat_id=chat_id)


def test_the_ids_of_a_persons_messages_go_too(store):
    for user_id in (42, 43):
        store.known_message_ids.note_sent(Chat(user_id), 7)
        store.tool_uses.begin_change(Chat(user_id), 6)
    forget_person(store, 42)

    for table in ("own_messages", "begun_changes"):
        rows = store.database.read(f"SELECT chat_id FROM {table}")
        assert [row["chat_id"] for row in rows] == [43]


def test_what_is_said_meanwhile_stays(store, path):
    rng = random.Random(6)
    numbers = iter(range(1000, 9999))

    def pause(_seconds):
        for user_id in (BEN, ANNA):
            number = next(numbers)
            turn = Turn(Chat(user_id), number, user_id, f"meanwhile {user_id} {number}")
            store.finish(None, result=TurnResult(turn, f"fresh{rng.randrange(10**6)} " * 30))

    store.erasing.begin_person(ANNA, Chat(ANNA))
    [erasure] = store.erasing.pending()
    erased = store.erase(erasure, pause=pause)
    store.close_erasure(erased, ())
    store.database.empty_log()

    assert erased.turns == 120
    assert [left(path.parent)[ANNA, chat] for chat in (ANNA, GROUP.chat_id)] == [0, 0]
    own = store.database.read("SELECT question FROM turns WHERE user_id = ?", ANNA)
    others = store.database.read("SELECT question FROM turns WHERE question LIKE 'meanwhile%'")
    assert {row["question"].split()[0] for row in own} == {"meanwhile"}
    assert len(others) == 2 * len(own) > 20
    assert store.turn_search.find("meanwhile", user_id=ANNA)
    check(store)


def test_a_process_that_died_in_any_step_is_followed_by_one_that_ends_it(
    store, path, tmp_path, clock
):
    store.erasing.begin_person(ANNA, Chat(ANNA))
    copies = list[Path]()

    def pause(_seconds):
        copies.append(shutil.copytree(path.parent, tmp_path / f"died{len(copies)}"))

    store.erase(store.erasing.pending()[0], pause=pause)
    assert len(copies) > 8
    for copy in copies[:: len(copies) // 8]:
        with Store(copy / path.name, now=clock) as again:
            assert finish(again) == 120
            again.database.empty_log()

            assert [left(copy)[ANNA, chat] for chat in (ANNA, GROUP.chat_id)] == [0, 0]
            check(again)


def test_one_that_is_told_to_stop_ends_early_and_goes_on_later(store, path):
    store.erasing.begin_person(ANNA, Chat(ANNA))
    [erasure] = store.erasing.pending()

    assert store.erase(erasure, stopped=lambda: True) is None
    assert store.erasing.pending()
    assert finish(store) == 120
    assert store.erasing.pending() == []
    assert left(path.parent)[ANNA, ANNA] == 0


def test_what_has_not_grown_old_makes_no_work(store, clock):
    store.erasing.begin_expiry(clock() - 10_000)

    assert store.erasing.pending() == []


def test_a_place_that_moves_meanwhile_is_forgotten_all_the_same(store, path):
    store.erasing.begin_chat(GROUP, 7)
    store.move_chat(GROUP.chat_id, -2002)
    [erasure] = store.erasing.pending()

    assert (erasure.chat, erasure.message_id) == (Chat(-2002), -7)
    assert finish(store) == 72
    assert left(path.parent)[BEN, GROUP.chat_id] == 0


# --- pages ----------------------------------------------------------------------------------------

LEAF = struct.pack(">BHHHB", 13, 0, 1, 500, 0) + struct.pack(">H", 500)


def test_a_connection_does_not_write_back_what_it_remembers_of_a_page(path, clock, monkeypatch):
    rng = random.Random(7)
    with Store(path, now=clock) as store, store.database.another() as other:
        db = store.database.connection
        db.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)")
        with store.database.transaction():
            for number in rng.sample(range(10**6), 2000):
                db.execute("INSERT INTO notes VALUES (?, ?)", (number, f"old{number} " * 9))
        read_meanwhile = property(lambda _self: bool(db.execute("SELECT * FROM notes").fetchall()))
        monkeypatch.setattr(Database, "is_log_empty", read_meanwhile)
        assert store.database.raw_file is not None
        scrub = PageScrub(other, store.database.raw_file)
        other.empty_log()
        [pages] = scrub.find()
        assert len(pages) > 20
        assert scrub.blank(pages, lambda db: db.execute("INSERT INTO notices VALUES ('now')"))
        db.execute("UPDATE notes SET text = upper(text)")
        other.empty_log()

        assert not set(pages) & {page for more in scrub.find() for page in more}
        check(store)


def test_a_file_with_a_map_of_its_pages_is_left_alone(path, clock):
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA auto_vacuum = FULL")
        db.execute("VACUUM")
    with Store(path, now=clock) as store:
        fill(store, clock)
        store.database.empty_log()
        assert store.database.raw_file is not None

        assert list(PageScrub(store.database, store.database.raw_file).find()) == []


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (LEAF + bytes(502), None),
        (LEAF + bytes(100) + b"old" + bytes(399), (10, 490)),
        # What is in use is left alone.
        (LEAF + bytes(490) + b"in use......", None),
        # Free space within the rows has its own list, and SQLite blanks it.
        (struct.pack(">BHHHB", 13, 510, 0, 500, 0) + b"x" * 504, (8, 492)),
        # These are no pages of rows, or not as we know them.
        (b"\0" + LEAF[1:] + b"x" * 502, None),
        (struct.pack(">BHHHB", 13, 0, 300, 500, 0) + b"x" * 504, None),
        (struct.pack(">BHHHB", 13, 0, 1, 500, 0) + struct.pack(">H", 20) + b"x" * 502, None),
        (struct.pack(">BHHHB", 13, 0, 1, 600, 0) + b"x" * 504, None),
        (struct.pack(">BHHHB", 13, 9, 1, 500, 0) + LEAF[8:] + b"x" * 502, None),
        (b"\x0d", None),
    ],
)
def test_only_space_that_holds_nothing_is_blanked(page, found):
    gap = find_gap(page, is_first=False)

    assert (gap and (gap.start, gap.size)) == found
