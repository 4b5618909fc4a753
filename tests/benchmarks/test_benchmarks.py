"""What `make bench` promises, on a conversation short enough for every day."""

import pytest

from benchmarks.local_model import PLAIN, Case, measure, ours

from ..support.gguf_model import make


@pytest.mark.parametrize(
    ("plan", "chats", "promised"),
    [(PLAIN, 1, 1.5), ({}, 1, 1.1), ({}, 2, 1.2)],
    ids=["by cutting alone", "running llama.cpp itself", "two chats taking turns"],
)
async def test_hardly_a_token_is_read_twice(tmp_path, plan, chats, promised):
    model = make(tmp_path / "tiny.gguf")
    meter = await measure(Case("", ours, plan, chats), model, 40)

    assert meter.cuts >= 2 * chats
    assert meter.read_prompt <= promised * meter.new
