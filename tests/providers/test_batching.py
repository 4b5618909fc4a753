"""When more of an answer is read: the first words at once, the others a few at a time."""

import pytest

from ambrosio.providers.batching import BATCH_SECONDS, FIRST_WORDS_SECONDS, BatchReader


class Server:
    """Sends a piece at each of the given times; the clock and the sleep are its own."""

    def __init__(self, *due: float) -> None:
        self.due, self.at = list(due), 0.0
        self.pauses: list[float] = []

    async def next_piece(self) -> float:
        piece = self.due.pop(0)
        self.at = max(self.at, piece)
        return piece

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(self.at)
        self.at += seconds


async def read_all(server: Server, *, starts_at: float = 0.0) -> list[tuple[float, float]]:
    """Return when each piece was sent, and when it was read."""
    reader = BatchReader(now=lambda: server.at, sleep=server.sleep)
    pieces = []
    while server.due:
        if server.at >= starts_at:
            reader.on_start()
        pieces.append((await reader.read(server.next_piece), server.at))
    return pieces


async def test_the_first_words_are_read_as_they_come():
    server = Server(*(0.01 * number for number in range(int(FIRST_WORDS_SECONDS / 0.01))))
    assert all(sent == read for sent, read in await read_all(server))
    assert server.pauses == []


async def test_what_comes_later_is_read_a_few_tokens_at_a_time():
    server = Server(*(0.01 * number for number in range(300)))
    delays = [read - sent for sent, read in await read_all(server)]
    assert max(delays) <= BATCH_SECONDS
    # Five or six in each pause, of the 250 after the first half second.
    assert 40 <= len(server.pauses) <= 50


async def test_what_was_there_already_is_read_without_a_pause():
    server = Server(0.0, *(1.0 for _ in range(100)))
    await read_all(server)
    assert len(server.pauses) == 1


async def test_a_slow_model_is_not_made_slower():
    server = Server(*(0.2 * number for number in range(20)))
    assert all(sent == pytest.approx(read) for sent, read in await read_all(server))


async def test_the_time_before_the_first_word_does_not_count():
    # A prompt that takes long is read with notes about its progress.
    progress = [0.1 * number for number in range(50)]
    words = [5.0 + 0.01 * number for number in range(50)]
    pieces = await read_all(Server(*progress, *words), starts_at=5.0)
    assert all(sent == pytest.approx(read) for sent, read in pieces)
