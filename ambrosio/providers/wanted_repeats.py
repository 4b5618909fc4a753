"""What a question says about how often something is to be repeated. Pure.

"Write it 100 times", "a 20x30 grid of zeros" and "500 rows" want what would be a loop in any other
answer. Numbers are read beside the words below, in the languages that Telegram has most users in.
"""

import re

# Beyond this, nothing is wanted that a model can write.
MAX_WANTED_ROUNDS = 100_000
# How much later a question that only says "repeat" or "over and over" is cut.
REPEAT_FACTOR = 3

_TIMES = (
    r"times|x|mal|fois|veces|vezes|volte|keer|gånger|ganger|gange|kertaa|razy|krát|kez|kere|kali"
    r"|lần|ori|раз(?:а|ів)?|рази|φορές|مرة|مرات|פעמים|बार"
)
_THINGS = (
    r"lines?|rows?|copies|items?|entries|records?|cells?|columns?|characters?|letters?|dashes|zeros"
    r"|zeroes|ones|stars|asterisks|words?|paragraphs?|verses|sentences?|numbers?|steps?|values?"
    r"|zeilen|reihen|einträge|zeichen|sätze|nullen|lignes?|zéros|líneas|filas|ceros|linhas|righe"
    r"|zeri|regels|rader|wierszy|строк[аи]?|нулей|рядків"
)
# Without spaces, and with their own numbers.
_CJK_TIMES = r"[遍次回行个個번줄]"
_NUMBER_WORDS = {
    **dict.fromkeys(("fifty", "fünfzig", "cinquante", "cincuenta", "пятьдесят", "五十"), 50),
    **dict.fromkeys(("hundred", "hundert", "cent", "cien", "cem", "cento", "honderd"), 100),
    **dict.fromkeys(("hundra", "hundre", "sto", "сто", "сотню", "yüz", "百", "一百"), 100),
    **dict.fromkeys(("thousand", "tausend", "mille", "mil", "duizend", "tusen"), 1_000),
    **dict.fromkeys(("tysiąc", "тысячу", "bin", "千", "一千"), 1_000),
}
_ANY_NUMBER_WORD = "|".join(sorted(_NUMBER_WORDS, key=len, reverse=True))
_COUNT = rf"(\d{{1,3}}(?:[.,' \u00a0]\d{{3}})+|\d{{1,6}}|{_ANY_NUMBER_WORD})"
_COUNTED = re.compile(
    rf"(?<![\w.,]){_COUNT}(?:\s*(?:{_TIMES})\b|\s+(?:[^\W\d]+\s+){{0,3}}(?:{_THINGS})\b)"
    rf"|{_COUNT}\s*{_CJK_TIMES}",
    re.IGNORECASE,
)
_GRID = re.compile(
    r"\b(\d{1,4})(?:\s*[x×*х]\s*|\s+(?:by|mal|par|por|per|na|auf|на)\s+)(\d{1,4})\b", re.IGNORECASE
)
_REPEAT = re.compile(
    r"\brepeat(?:ing|ed|edly)?\b|\bover and over\b|\bagain and again\b|\bendless|\bforever\b"
    r"|\bwiederhol|\bimmer wieder\b|\brépéte|\brépète|\brepit[ea]|\brepet(?:e|ir)\b|\bripet[ie]"
    r"|повтор|\bpowt[aó]rz|\bherhaal|\bupprepa|重复|重複|繰り返|くりかえ|반복|दोहरा|كرر",
    re.IGNORECASE,
)


def wanted_rounds(question: str) -> int:
    """Return how many repeats a question asks for, 0 if it names no number of them."""
    counts = [_read(found[1] or found[2]) for found in _COUNTED.finditer(question)]
    counts += [int(found[1]) * int(found[2]) for found in _GRID.finditer(question)]
    return min(max(counts, default=0), MAX_WANTED_ROUNDS)


def repeat_factor(question: str) -> int:
    """Return by how much the limits are raised: 1 if the question asks for no repetition."""
    return REPEAT_FACTOR if _REPEAT.search(question) else 1


def _read(count: str) -> int:
    return _NUMBER_WORDS.get(count.lower()) or int(re.sub(r"\D", "", count))
