"""Where a message may be that was on its way when the process died."""

import pytest

from ambrosio.core.messages import Chat, FormattedText, OutgoingMessage
from ambrosio.store import Lane, NewUpdate, SearchRange

HERE, THERE, GROUP = Chat(42), Chat(43), Chat(-1_001_234_567_890)
BASIC, TOPIC = Chat(-500), Chat(42, 7)
LENGTH = 100


def text(chat, words="Yes."):
    return OutgoingMessage(chat, FormattedText(words))


def try_next(store, chat):
    """Count a try of a chat's next message and return its outbox id."""
    outbox_id, _, tries = store.outbox.next_message(chat)
    store.outbox.record_try(outbox_id, tries + 1)
    return outbox_id


def tried(store, chat):
    store.outbox.enqueue(text(chat))
    return try_next(store, chat)


def place(store, outbox_id, chat):
    return store.known_message_ids.search_range(outbox_id, chat, length=LENGTH)


@pytest.mark.parametrize(
    ("chat", "seen", "after"),
    [
        (HERE, [(HERE, 5)], 5),
        # All chats but supergroups are numbered together.
        (HERE, [(HERE, 5), (THERE, 9), (BASIC, 7), (GROUP, 400)], 9),
        (BASIC, [(HERE, 5), (THERE, 9)], 9),
        (GROUP, [(HERE, 900), (GROUP, 400)], 400),
        # An older one tells nothing.
        (HERE, [(HERE, 5), (HERE, 3)], 5),
    ],
)
def test_it_is_behind_the_newest_message_that_was_known_before(store, chat, seen, after):
    store.known_message_ids.note_newest(GROUP, 1)
    store.known_message_ids.note_seen(seen)
    outbox_id = tried(store, chat)
    store.known_message_ids.note_seen([(chat, 999)])
    # The first copy may be the one that has arrived.
    store.outbox.record_try(outbox_id, 2)

    assert place(store, outbox_id, chat) == SearchRange(after, frozenset())


def test_a_try_that_certainly_failed_does_not_count(store):
    store.known_message_ids.note_seen([(HERE, 5)])
    outbox_id = tried(store, HERE)
    store.outbox.record_try(outbox_id, 0)
    store.known_message_ids.note_seen([(HERE, 8)])
    store.outbox.record_try(outbox_id, 1)

    assert place(store, outbox_id, HERE) == SearchRange(8, frozenset())


def test_ids_that_belong_to_something_else_are_known(store):
    store.receive(1, 2, [NewUpdate(1, HERE, 5, "{}")])
    store.receive(1, 3, [], [(GROUP, 6)])
    outbox_id = tried(store, HERE)
    store.receive(
        1,
        9,
        [
            NewUpdate(3, THERE, 6, "{}"),
            NewUpdate(4, GROUP, 7, "{}"),
            # A button under the very message that is looked for.
            NewUpdate(5, HERE, 8, "{}", urgent=True),
        ],
    )
    other = tried(store, THERE)
    store.record_sent(other, text(THERE), [9])
    [item] = [store.inbox.claim(Lane(THERE))]
    store.record_draft(item, 10)

    assert place(store, outbox_id, HERE) == SearchRange(5, frozenset({6, 9, 10}))


def test_messages_on_their_way_to_two_topics_cannot_be_told_apart(store):
    store.known_message_ids.note_seen([(HERE, 5)])
    first, second = tried(store, HERE), tried(store, TOPIC)
    assert [place(store, first, HERE), place(store, second, TOPIC)] == [None, None]

    # A copy of the first that nobody knows of may be in the chat now.
    store.outbox.record_try(first, 2)
    store.record_sent(first, text(HERE), [8])
    assert place(store, second, TOPIC) is None

    third = tried(store, HERE)
    store.record_sent(second, text(TOPIC), [9])
    assert place(store, third, HERE) == SearchRange(8, frozenset({9}))


def test_nothing_is_known_of_a_chat_without_messages_or_from_before_it_moved(store):
    unknown, moved = tried(store, HERE), tried(store, GROUP)
    store.known_message_ids.note_newest(BASIC, 5)
    basic = tried(store, BASIC)
    store.move_chat(BASIC.chat_id, GROUP.chat_id)

    found = [place(store, unknown, HERE), place(store, moved, GROUP), place(store, basic, GROUP)]
    assert found == [None, None, None]


def test_supergroups_in_which_the_bot_does_nothing_leave_no_trace(store):
    store.known_message_ids.note_seen([(Chat(GROUP.chat_id - n), 5) for n in range(9)])

    assert store.database.read("SELECT * FROM newest_messages") == []


def test_another_bot_has_other_numbers(store):
    store.receive(1, 2, [NewUpdate(1, HERE, 500, "{}")])
    store.receive(2, 2, [NewUpdate(1, HERE, 5, "{}")])
    outbox_id = tried(store, HERE)

    assert place(store, outbox_id, HERE) == SearchRange(5, frozenset())


def test_few_of_the_bots_messages_are_kept(store):
    for message_id in range(1, 1000):
        store.known_message_ids.note_sent(HERE, message_id)

    assert len(store.database.read("SELECT * FROM own_messages")) <= 201
