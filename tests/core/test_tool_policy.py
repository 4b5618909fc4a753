"""Which tools a model is told of, and which of their calls wait for the person."""

from itertools import product

import pytest

from ambrosio.core.tool_policy import (
    LEAVES_MACHINE,
    ArgumentSource,
    Situation,
    ToolKind,
    Verdict,
    decide,
    is_offered,
)

PLAIN, OUTSIDE = Situation(), Situation(read_outside=True)
PRIVATE = Situation(local_only=True)
PRIVATE_OUTSIDE = Situation(local_only=True, read_outside=True)
SITUATIONS = (PLAIN, OUTSIDE, PRIVATE, PRIVATE_OUTSIDE)
PERSON, SEARCH, MODEL = ArgumentSource
ABSENT, TAP, ALLOWED = Verdict
KINDS = pytest.mark.parametrize("kind", ToolKind)


@pytest.mark.parametrize(
    ("kind", "source", "verdicts"),
    [
        (ToolKind.LOCAL, MODEL, (ALLOWED, ALLOWED, ALLOWED, ALLOWED)),
        (ToolKind.CHANGE, MODEL, (ALLOWED, TAP, ALLOWED, TAP)),
        (ToolKind.PICTURE, MODEL, (ALLOWED, TAP, ALLOWED, TAP)),
        (ToolKind.SEARCH, MODEL, (ALLOWED, TAP, ABSENT, ABSENT)),
        (ToolKind.SEARCH, PERSON, (ALLOWED, ALLOWED, ABSENT, ABSENT)),
        (ToolKind.PAGE, PERSON, (ALLOWED, ALLOWED, ABSENT, ABSENT)),
        (ToolKind.PAGE, SEARCH, (ALLOWED, ALLOWED, ABSENT, ABSENT)),
        (ToolKind.PAGE, MODEL, (TAP, TAP, ABSENT, ABSENT)),
        (ToolKind.LOCAL_SERVER, MODEL, (ABSENT, ABSENT, ALLOWED, TAP)),
        (ToolKind.REMOTE_SERVER, MODEL, (ALLOWED, TAP, ABSENT, ABSENT)),
    ],
)
def test_the_rule_of_two(kind, source, verdicts):
    assert tuple(decide(kind, each, source=source) for each in SITUATIONS) == verdicts


@KINDS
def test_a_tap_allows_what_waits_for_one_and_nothing_else(kind):
    for situation, source in product(SITUATIONS, ArgumentSource):
        before = decide(kind, situation, source=source)
        after = decide(kind, situation, source=source, tapped=True)
        assert after is (ABSENT if before is ABSENT else ALLOWED)


@KINDS
def test_only_what_changes_something_elsewhere_waits_after_an_interruption(kind):
    for situation in SITUATIONS:
        before, after = (decide(kind, situation, interrupted=cut) for cut in (False, True))
        waits = kind in {ToolKind.LOCAL_SERVER, ToolKind.REMOTE_SERVER} and before is ALLOWED
        assert after is (TAP if waits else before)
        assert decide(kind, situation, interrupted=True, tapped=True) is not TAP


@KINDS
def test_what_was_read_from_outside_never_allows_more_nor_changes_the_list(kind):
    order = [ABSENT, TAP, ALLOWED]
    for private, source in product((False, True), ArgumentSource):
        before, after = Situation(private), Situation(private, read_outside=True)
        assert is_offered(kind, before) is is_offered(kind, after)
        assert order.index(decide(kind, after, source=source)) <= order.index(
            decide(kind, before, source=source)
        )


@KINDS
def test_what_leaves_the_machine_is_unknown_where_something_is_local_only(kind):
    for situation in (PRIVATE, PRIVATE_OUTSIDE):
        assert is_offered(kind, situation) is (kind not in LEAVES_MACHINE)


@KINDS
def test_nothing_that_a_stranger_may_have_worded_acts_without_a_tap(kind):
    allowed = [each for each in (OUTSIDE, PRIVATE_OUTSIDE) if decide(kind, each) is ALLOWED]

    assert bool(allowed) is (kind is ToolKind.LOCAL)
