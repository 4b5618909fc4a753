"""Detect the language of an answer by its function words ("the", "und", "que").

Deliberately coarse: it does not guess for short answers such as "Basmati.", and it knows only the
languages listed in `LANGUAGES`.
"""

import re
import unicodedata
from collections.abc import Mapping


def _word_set(words: str) -> frozenset[str]:
    return frozenset(words.split())


LANGUAGES: Mapping[str, frozenset[str]] = {
    "en": _word_set(
        "the a an of and or to in is are it its that this for with on at as by be you your "
        "not no can has have from than was were will would should there which what"
    ),
    "de": _word_set(
        "der die das ein eine einen einem einer und oder zu im ist sind es dass für mit auf "
        "an als von den dem des du sie nicht nein ja kann hat haben aus war wird werden auch "
        "sich wie"
    ),
    "fr": _word_set(
        "le la les un une des et ou à au aux est sont il elle ce cette pour avec sur dans par "
        "que qui ne pas non oui vous votre du de en plus être peut comme"
    ),
    "it": _word_set(
        "il lo la gli le un una e o a al è sono che per con su nel della del di da non sì tu "
        "questo questa più come anche si può essere ha hanno"
    ),
    "es": _word_set(
        "el la los las un una y o a al es son que para con en del de por no sí tu su este "
        "esta más como también se puede ser ha han lo"
    ),
    "nl": _word_set(
        "de het een en of te in is zijn dat dit voor met op aan als van niet nee ja kan heeft "
        "hebben uit was wordt ook zich je er naar"
    ),
}
# How many function words it takes, and how many times those of the next language.
MIN_MATCHES = 3
MIN_RATIO = 1.3


def fold(text: str) -> str:
    """Normalise a text: lower case, no accents, straight apostrophes, single spaces."""
    plain = unicodedata.normalize("NFKD", text.replace("’", "'")).casefold()
    # This also removes the voicing marks of kana, but on both sides of a comparison.
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"\s+", " ", plain).strip()


def detect_language(text: str) -> str:
    """Return the code of a text's language, or "" if it is not clear."""
    words = re.findall(r"[^\W\d_]+", text.casefold())
    counts = sorted(
        ((sum(word in known for word in words), code) for code, known in LANGUAGES.items()),
        reverse=True,
    )
    (most, code), (second, _) = counts[0], counts[1]
    return code if most >= MIN_MATCHES and most >= second * MIN_RATIO else ""
