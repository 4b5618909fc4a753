"""The pauses between tries double, up to a limit."""

import pytest

from ambrosio.core.backoff import Backoff


@pytest.mark.parametrize(
    ("first", "longest", "pauses"),
    [
        (1, 300, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]),
        (0.5, 4, [0.5, 1, 2, 4, 4]),
        (3, 3, [3, 3]),
    ],
)
def test_each_pause_is_twice_the_one_before_up_to_the_limit(first, longest, pauses):
    backoff = Backoff(first, longest)

    assert [backoff.next_seconds() for _ in pauses] == pauses


def test_a_success_starts_from_the_first_pause_again():
    backoff = Backoff(1, 60)
    backoff.next_seconds()
    backoff.next_seconds()

    backoff.reset()

    assert [backoff.next_seconds(), backoff.next_seconds()] == [1, 2]


def test_a_reset_before_the_first_try_changes_nothing():
    backoff = Backoff(2, 60)

    backoff.reset()

    assert backoff.next_seconds() == 2
