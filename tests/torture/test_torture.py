"""A few kills in every run of the tests; `make torture` makes two hundred."""

import pytest

from .run import Plan, torture


@pytest.mark.long
async def test_every_message_is_answered_once_however_often_the_bot_is_killed(tmp_path):
    plan = Plan(seed=7, kills=3, people=4, gaps=(0.0, 0.8), calm=0, reminders=False)

    report = await torture(plan, tmp_path)

    assert report.faults == []
    assert report.counts["answered"] >= plan.people
