"""The line in front of a server."""

from typing import Any

import pytest

from ambrosio.providers.slots import SlotQueue


def seats(slots, *wishes):
    """Let chats come and go: "a" comes, "-a" goes; give the slot each got."""
    queues: dict[str, Any] = {}
    tickets = []
    for wish in wishes:
        name = wish.lstrip("-")
        if wish.startswith("-"):
            queues.pop(name).__exit__(None, None, None)
        else:
            queues[name] = slots.wait_in_line(name, priority=name.startswith("vv"))
            tickets.append((name, queues[name].__enter__()))
    return [(name, ticket.slot, ticket.ahead) for name, ticket in tickets]


@pytest.mark.parametrize(
    ("count", "wishes", "seated"),
    [
        (1, ["a", "b", "c"], [("a", 0, 0), ("b", None, 1), ("c", None, 2)]),
        (1, ["a", "b", "vv"], [("a", 0, 0), ("b", None, 2), ("vv", None, 1)]),
        (1, ["a", "vv1", "vv2"], [("a", 0, 0), ("vv1", None, 1), ("vv2", None, 2)]),
        (1, ["a", "b", "vv", "-a"], [("a", 0, 0), ("b", None, 1), ("vv", 0, 1)]),
        (1, ["a", "b", "c", "-b"], [("a", 0, 0), ("b", None, 1), ("c", None, 1)]),
        (2, ["a", "b", "-a", "-b", "b", "a"], [("a", 0, 0), ("b", 1, 0), ("b", 1, 0), ("a", 0, 0)]),
        (2, ["a", "b", "-b", "-a", "c", "b"], [("a", 0, 0), ("b", 1, 0), ("c", 1, 0), ("b", 0, 0)]),
        (2, ["a", "-a", "b", "a"], [("a", 0, 0), ("b", 1, 0), ("a", 0, 0)]),
    ],
)
def test_the_hasty_go_first_and_everybody_gets_their_own_slot_back(count, wishes, seated):
    assert seats(SlotQueue(count), *wishes) == seated
