"""What of an answer is read aloud: its words, without code, tables, formulas and addresses."""

import re
from collections.abc import Iterator

from ..core.messages import Entity, FormattedText
from .render import render

# What servers that speak take at once, and about five minutes.
MAX_CHARACTERS = 4_000
# The rows of a table: lines with bars, the second of which is only bars and dashes.
TABLE = re.compile(
    r"^[^\n]*\|[^\n]*\n[ \t]*\|?[ \t:|-]*-[ \t:|-]*\n(?:[^\n]*\|[^\n]*(?:\n|$))*", re.MULTILINE
)
URL = re.compile(r"<?\bhttps?://\S+|\bwww\.\S+|\(\s*https?://[^)\s]*\s*\)", re.IGNORECASE)
FORMULA = re.compile(r"\$\$.+?\$\$|\\\[.+?\\\]", re.DOTALL)
# Marks that stand for nothing that is said: of lists, quotes and rules.
LINE_MARKS = re.compile(r"^\s*(?:[•◦▪–—*-]+\s+|>\s*|———$)+", re.MULTILINE)
SENTENCE = re.compile(r".*?(?:[.!?…]+[\"'”»)]*(?=\s)|[。！？]|\n|$)", re.DOTALL)
SENTENCE_ENDS = tuple(".!?…:;,。！？")
LEFT_OUT = frozenset({"pre"})


def spoken(markdown: str, *, max_characters: int = MAX_CHARACTERS) -> str:
    """Return what of a model's Markdown is read aloud, cut at a sentence; "" if nothing is."""
    prose = TABLE.sub("\n", FORMULA.sub(" ", markdown))
    text = "\n".join(_without_code(chunk) for chunk in render(prose, files=False).chunks)
    text = LINE_MARKS.sub("", URL.sub("", text))
    lines = [" ".join(line.split()) for line in text.split("\n")]
    said = "\n".join(_ended(line) for line in lines if any(map(str.isalnum, line)))
    return _cut(said, max_characters)


def _without_code(chunk: FormattedText) -> str:
    """Drop blocks of code; offsets count UTF-16 units."""
    units = chunk.text.encode("utf-16-le")
    kept, at = b"", 0
    for entity in _blocks(chunk.entities):
        kept += units[at * 2 : entity.offset * 2] + "\n".encode("utf-16-le")
        at = entity.offset + entity.length
    return (kept + units[at * 2 :]).decode("utf-16-le")


def _blocks(entities: tuple[Entity, ...]) -> Iterator[Entity]:
    return (entity for entity in entities if entity.type in LEFT_OUT)


def _ended(line: str) -> str:
    """End a line, such as a heading, with a full stop, which is heard as a pause."""
    return line if line.endswith(SENTENCE_ENDS) else f"{line}."


def _cut(text: str, max_characters: int) -> str:
    """Cut at the end of a sentence, or of a word if the first sentence is too long."""
    if len(text) <= max_characters:
        return text
    end = 0
    for sentence in SENTENCE.finditer(text):
        if sentence.end() > max_characters:
            break
        end = sentence.end()
    return text[:end].strip() or text[:max_characters].rpartition(" ")[0]
