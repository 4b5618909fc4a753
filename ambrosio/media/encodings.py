"""Guesses the encoding of a text that is not UTF-8 and does not name its own. Pure.

In a word of Western Europe, few letters are above ASCII. Where whole words are, the encoding is
taken whose usual characters come out.
"""

import codecs
import re
from collections.abc import Mapping

WESTERN = "cp1252"
SAMPLE_BYTES = 20_000
HIGH = re.compile(rb"[\x80-\xff]")
WORD = re.compile(rb"[A-Za-z\x80-\xff]+")
# Some encodings of East Asia have a character above ASCII and a letter for one of theirs.
MIN_HIGH_SHARE, MIN_HIGH = 0.5, 3
MIN_FOREIGN_SHARE = 0.5
# The letters that make up about three quarters of a text, in lower case; in another encoding they
# come out as capitals, or as a third of the letters.
USUAL_LETTERS: Mapping[str, str] = {
    "cp1251": "оеаинтсрвлкмыйі",
    "koi8_r": "оеаинтсрвлкмый",
    "cp866": "оеаинтсрвлкмый",
    "cp1253": "αοιετσνηυρπκςάίό",
    "cp1255": "יוהלאתרמבשנכ",
    "cp1256": "اليمنورتبةعد",
}
MIN_USUAL_LETTERS = 0.5
# About a fifth of a Chinese text; of another one that is taken for Chinese, one in a hundred.
USUAL_CHARACTERS: Mapping[str, str] = {
    "gb18030": "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能",
    "big5": "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能",
}
MIN_USUAL_CHARACTERS = 0.05
MIN_KANA, MAX_HALF_KANA, MIN_HANGUL = 0.2, 0.1, 0.9
# The first bytes of the characters that schools teach first.
COMMON_FIRST_BYTES: Mapping[str, range] = {
    "gb18030": range(0xB0, 0xD8),
    "big5": range(0xA4, 0xC7),
}
MIN_COMMON = 0.9


def guess_encoding(content: bytes) -> str:
    """Return the name of the encoding that a text is most likely in."""
    sample = content[:SAMPLE_BYTES]
    if not _is_foreign(sample):
        return WESTERN
    for name, is_likely in (
        ("cp932", _is_japanese),
        ("euc_jp", _is_japanese),
        ("cp949", _is_korean),
    ):
        if (found := _foreign(sample, name)) and is_likely(found):
            return name
    return (
        _best(sample, USUAL_CHARACTERS, MIN_USUAL_CHARACTERS)
        or next((name for name in COMMON_FIRST_BYTES if _is_common(sample, name)), "")
        or _best(sample, USUAL_LETTERS, MIN_USUAL_LETTERS)
        or WESTERN
    )


def _is_foreign(sample: bytes) -> bool:
    """Say whether most of what is above ASCII stands in words that are not Western."""
    counts = [(len(HIGH.findall(word)), len(word)) for word in WORD.findall(sample)]
    high = sum(count for count, _ in counts)
    foreign = sum(
        count for count, length in counts if count >= max(MIN_HIGH, length * MIN_HIGH_SHARE)
    )
    return high > 0 and foreign >= high * MIN_FOREIGN_SHARE


def _best(sample: bytes, usual: Mapping[str, str], minimum: float) -> str:
    """Return the encoding with the most usual characters; "" if none has enough."""
    shares = {
        name: sum(char in characters for char in text) / len(text)
        for name, characters in usual.items()
        if (text := _foreign(sample, name))
    }
    best = max(shares, key=lambda name: shares[name], default="")
    return best if best and shares[best] >= minimum else ""


def _foreign(sample: bytes, name: str) -> str:
    """Decode what is above ASCII, punctuation left out; "" if it is not in this encoding."""
    try:
        # Not final: the last character may have been cut.
        text = codecs.getincrementaldecoder(name)().decode(sample)
    except UnicodeDecodeError:
        return ""
    return "".join(char for char in text if ord(char) >= 0x80 and char.isalpha())


def _share(text: str, first: str, last: str) -> float:
    return sum(first <= char <= last for char in text) / len(text)


def _is_japanese(text: str) -> bool:
    kana, half = _share(text, "\u3041", "\u30ff"), _share(text, "\uff61", "\uff9f")
    return kana >= MIN_KANA and half <= MAX_HALF_KANA


def _is_korean(text: str) -> bool:
    return _share(text, "\uac00", "\ud7a3") >= MIN_HANGUL


def _is_common(sample: bytes, name: str) -> bool:
    """Say whether nearly all characters are among those that the encoding has put first."""
    text = _foreign(sample, name)
    firsts = [char.encode(name, "replace")[0] for char in text]
    return bool(text) and (
        sum(first in COMMON_FIRST_BYTES[name] for first in firsts) >= MIN_COMMON * len(text)
    )
