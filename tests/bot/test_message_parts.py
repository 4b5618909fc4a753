"""How long the rest of a message that came in parts is waited for."""

import pytest

from ambrosio.bot.message_parts import START_SECONDS, JoinedMessage


@pytest.mark.parametrize(
    ("complete_at", "now", "seconds"),
    [
        (0.0, 1000.0, 0.0),
        (1001.0, 1000.0, 1.0),
        (1001.0, 1001.0, 0.0),
        (1000.0 + START_SECONDS, 1000.0, START_SECONDS),
        # The clock was set back by an hour, or by a year.
        (1001.0, 1001.0 - 3600, 0.0),
        (1001.0, 1001.0 - 365 * 86_400, 0.0),
    ],
)
def test_nobody_waits_longer_than_parts_may_take(complete_at, now, seconds):
    assert JoinedMessage((), complete_at=complete_at).wait_seconds(now) == seconds
