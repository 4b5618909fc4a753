"""The limits of `make bench`, on a short conversation."""

import pytest

from benchmarks.local_model import NO_REUSE, Case, ambrosio, measure

from ..support.gguf_model import make


@pytest.mark.parametrize(
    ("plan", "chats", "max_ratio"),
    [(NO_REUSE, 1, 1.5), ({}, 1, 1.1), ({}, 2, 1.2)],
    ids=["by cutting alone", "running llama.cpp itself", "two chats taking turns"],
)
async def test_few_prompt_tokens_are_processed_twice(tmp_path, plan, chats, max_ratio):
    model = make(tmp_path / "tiny.gguf")
    meter = await measure(Case("", ambrosio, plan, chats), model, 40)

    assert meter.cuts >= 2 * chats
    assert meter.read_prompt <= max_ratio * meter.new
