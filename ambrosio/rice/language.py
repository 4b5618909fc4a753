"""Telling the language of an answer by its small words.

Coarse on purpose: it says nothing of an answer too short to tell, and "Basmati." is at home in all
of them. It knows the languages it has small words for, and no others.
"""

import re
import unicodedata
from collections.abc import Mapping


def _small(words: str) -> frozenset[str]:
    return frozenset(words.split())


LANGUAGES: Mapping[str, frozenset[str]] = {
    "en": _small(
        "the a an of and or to in is are it its that this for with on at as by be you your "
        "not no can has have from than was were will would should there which what"
    ),
    "de": _small(
        "der die das ein eine einen einem einer und oder zu im ist sind es dass für mit auf "
        "an als von den dem des du sie nicht nein ja kann hat haben aus war wird werden auch "
        "sich wie"
    ),
    "fr": _small(
        "le la les un une des et ou à au aux est sont il elle ce cette pour avec sur dans par "
        "que qui ne pas non oui vous votre du de en plus être peut comme"
    ),
    "it": _small(
        "il lo la gli le un una e o a al è sono che per con su nel della del di da non sì tu "
        "questo questa più come anche si può essere ha hanno"
    ),
    "es": _small(
        "el la los las un una y o a al es son que para con en del de por no sí tu su este "
        "esta más como también se puede ser ha han lo"
    ),
    "nl": _small(
        "de het een en of te in is zijn dat dit voor met op aan als van niet nee ja kan heeft "
        "hebben uit was wordt ook zich je er naar"
    ),
}
# As many small words must be found before anything is said, and so much clearer than the next.
MIN_WORDS = 3
MIN_RATIO = 1.3


def fold(text: str) -> str:
    """Make texts comparable: small letters, no accents, one kind of apostrophe, single spaces."""
    plain = unicodedata.normalize("NFKD", text.replace("’", "'")).casefold()
    # Kana lose their voicing marks too, on both sides of a comparison.
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"\s+", " ", plain).strip()


def tell(text: str) -> str:
    """Name the language of a text, or nothing if it cannot be told."""
    words = re.findall(r"[^\W\d_]+", text.casefold())
    counts = sorted(
        ((sum(word in small for word in words), code) for code, small in LANGUAGES.items()),
        reverse=True,
    )
    (most, code), (next_most, _) = counts[0], counts[1]
    return code if most >= MIN_WORDS and most >= next_most * MIN_RATIO else ""
