"""Guesses the encoding of a text that is not UTF-8 and does not name its own, with chardet."""

import re

WESTERN = "cp1252"
SAMPLE_BYTES = 4_000
HIGH = re.compile(rb"[\x80-\xff]")
WORD = re.compile(rb"[A-Za-z\x80-\xff]+")
# Some encodings of East Asia have a character above ASCII and a letter for one of theirs.
MIN_HIGH_SHARE, MIN_HIGH = 0.5, 3
MIN_FOREIGN_SHARE = 0.5


def guess_encoding(content: bytes) -> str:
    """Return the name of the encoding that a text is most likely in."""
    sample = content[:SAMPLE_BYTES]
    if not _is_foreign(sample):
        return WESTERN
    # It takes longer to import than most texts to read, and few texts need it.
    import chardet  # noqa: PLC0415

    return chardet.detect(sample)["encoding"] or WESTERN


def _is_foreign(sample: bytes) -> bool:
    """Say whether most of what is above ASCII stands in words that are not Western.

    In a word of Western Europe few letters are above ASCII; a curly quotation mark there is enough
    for chardet to take a French text for a Hebrew one.
    """
    counts = [(len(HIGH.findall(word)), len(word)) for word in WORD.findall(sample)]
    high = sum(count for count, _ in counts)
    foreign = sum(
        count for count, length in counts if count >= max(MIN_HIGH, length * MIN_HIGH_SHARE)
    )
    return high > 0 and foreign >= high * MIN_FOREIGN_SHARE
