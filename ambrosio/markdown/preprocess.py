"""Prepares Markdown for the parser: replaces what it would misread with placeholders.

Raw HTML, mathematics, stars and a few others become placeholders. After parsing they are restored:
as *shown* in prose, or *raw* where the parser found code. So only the parser has to recognise code.
"""

import re
import unicodedata
from dataclasses import dataclass, field

from . import placeholders
from .latex import BARE, is_math, to_unicode
from .lines import repair_lines
from .placeholders import ANGLE, BACKSLASH, CLOSE, COLON, ESCAPED_ANGLE, JOINT, NUMBERED, OPEN
from .unfinished import close_unfinished

# What TDLib removes or replaces (`clean_input_string`), which would shift the offsets: control
# characters, line separators, directional overrides and three combining marks. And noncharacters,
# which are our placeholders.
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u030a\u0333\u033f\u202a-\u202e\ufdd0-\ufdef\ufffe\uffff]"
)
_RING = re.compile(r"[A-Za-z]\u030a")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_NEWLINES = re.compile(r"\r\n?|[\u2028\u2029]")

# Citations of web searches, as models write them for their own vendor's page: OpenAI's in
# private-use characters, its older ones in lenticular brackets, Gemini's.
_CITATION = r"""
    \ue200 [^\ue200\ue201\n]{0,2000} \ue201 | [\ue200-\ue20f]
  | 【 [\d:]+ † [^】\n]{0,80} 】
  | (?<![A-Za-z]) cite (?: turn\d+[a-z]+\d+ )+
  | :contentReference \[oaicite:\d+\] (?: \{index=\d+\} )?
  | \[cite_(?:start|end)\] | \[cite:[ ]?[\d,\ -]+\]
"""

# A thing that OpenAI's page would draw as a card: its name is part of the sentence.
_ENTITY = re.compile(r'\ue200entity\ue202\["[^"]*","([^"]*)"')

# Each alternative stops at the next opening of its own kind, so the search takes linear time.
_PIECES = re.compile(
    rf"""
    \\\( (?P<round>  (?: [^\\`\n] | \\[^()\[\]\n] )++ ) \\\)
  | \\\[ (?P<square> (?: [^\\`\n] | \n(?![ \t>]*(?:\n|~~~)) | \\[^()\[\]] )++ ) \\\]
  | \$\$ (?P<double> (?: [^\\`\n$] | \n(?![ \t>]*(?:\n|~~~)) | \\. )++ ) \$\$
  | (?<![\w$]) \$ (?![\s$]) (?P<single> (?: [^\\`\n$] | \\. )++ ) (?<!\s) \$ (?![\w$])
  | (?P<path> (?<![\w\\][A-Za-z]:) (?<=[A-Za-z]:) \\[\w.*?~-] [\w.\\*?~-]*+ )
  | (?P<bare> {BARE} )
  | (?P<shrug> (?<=¯) \\ (?=_) )
  | (?P<escaped_angle> \\< ) | (?P<escape> \\[^<] )
  | (?P<break> (?i: </?br\s*/?> ) )
  | (?P<angle> < (?! https?://[^\s<>]+> ) )
  | (?P<citation> (?: {_CITATION} )+ )
  | (?P<number> \[\d+\] (?=\[\d+\]) )
  | \[\^ [^\]\s]{{1,60}} \]: | \] (?P<colon> : )
    """,
    re.VERBOSE,
)

# Where one of them can begin. A search for this is several times faster than one for them.
_STARTS = re.compile(
    r"[\\$<【\ue200-\ue20f]|\^(?=\{?\\)|\[(?=[\d^]|cite)|\](?=:)|c(?=iteturn)|:(?=contentR)"
)


@dataclass(frozen=True, slots=True)
class Replacement:
    """What a numbered placeholder stands for: as written, as shown, and in a rich message."""

    raw: str
    shown: str
    rich: str = ""
    is_display: bool = False


@dataclass(slots=True)
class PreparedMarkdown:
    """Markdown with placeholders, and what they stand for."""

    text: str = ""
    replacements: list[Replacement] = field(default_factory=list)

    def shown(self, text: str) -> str:
        """Restore placeholders as the reader should see them; marks are left to `emphasis`."""
        if OPEN in text:
            text = NUMBERED.sub(lambda match: self.replacement(match).shown, text)
        if text.isascii() and "\t" not in text:
            return text
        return text.translate(placeholders.SHOWN)

    def raw(self, text: str) -> str:
        """Restore placeholders in parsed text as they were written."""
        if OPEN in text:
            text = NUMBERED.sub(lambda match: self.replacement(match).raw, text)
        if text.isascii():
            return text
        return text.translate(placeholders.RAW)

    def has_display_math(self, text: str) -> bool:
        """Return whether parsed text contains display math."""
        if OPEN not in text:
            return False
        return any(self.replacement(match).is_display for match in NUMBERED.finditer(text))

    def replacement(self, match: re.Match[str]) -> Replacement:
        """Return what a numbered placeholder stands for."""
        return self.replacements[int(match[1])]

    def add(self, replacement: Replacement) -> str:
        """Return a new placeholder."""
        self.replacements.append(replacement)
        return f"{OPEN}{len(self.replacements) - 1}{CLOSE}"


def clean(text: str) -> str:
    """Remove what Telegram strips or UTF-8 cannot encode."""
    text = _NEWLINES.sub("\n", text)
    text = _RING.sub(lambda match: unicodedata.normalize("NFC", match[0]), text)
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub("", text))


def prepare(markdown: str, *, unfinished: bool = False) -> PreparedMarkdown:
    """Repair the lines, and replace what the parser would misread with placeholders."""
    text = repair_lines(clean(markdown), unfinished=unfinished)
    if unfinished:
        text = close_unfinished(text)
    source = PreparedMarkdown()
    parts: list[str] = []
    position = copied = 0
    while start := _STARTS.search(text, position):
        match = _PIECES.match(text, start.start())
        if match is None:
            position = start.end()
            continue
        between = _mark(text[copied : match.start()])
        piece, length = _replace(match, source)
        position = copied = match.start() + length
        if match.lastgroup == "citation" and not text[position : position + 1].isalnum():
            between = between.removesuffix(" ")
        parts += (between, piece)
    parts.append(_mark(text[copied:]))
    source.text = "".join(parts)
    for placeholder, character in placeholders.BLOCK_MARKS:
        source.text = source.text.replace(placeholder, character)
    return source


def _mark(text: str) -> str:
    """Replace the characters that may be marks."""
    for character, placeholder in placeholders.MARKS:
        text = text.replace(character, placeholder)
    return text


def _replace(match: re.Match[str], source: PreparedMarkdown) -> tuple[str, int]:
    """Return the placeholder for a match, and how many characters of it are replaced."""
    whole = match[0]
    kind = match.lastgroup or "label"
    if kind in {"round", "square", "double", "single"} and not is_math(kind, match[kind]):
        length = 1 if kind == "single" else 2
        return whole[:length], length
    if kind in _FIXED:
        return _FIXED[kind].format(whole), len(whole)
    if kind == "label":
        return _mark(whole), len(whole)
    return source.add(_replacement(kind, whole, match[kind])), len(whole)


_FIXED = {
    "escape": "{}",
    "escaped_angle": ESCAPED_ANGLE,
    "angle": ANGLE,
    "shrug": BACKSLASH,
    "colon": "]" + COLON,
    # Without the joint, `[1][2]` would be one link: the label 1 of the reference 2.
    "number": "{}" + JOINT,
}


def _replacement(kind: str, whole: str, content: str) -> Replacement:
    match kind:
        case "citation":
            name = _ENTITY.search(whole)
            return Replacement(whole, f" {name[1]}" if name else "")
        case "break":
            return Replacement(whole, "\n")
        case "path":
            return Replacement(whole, whole)
        case "bare":
            display = content.startswith("\\begin")
            return _formula(whole, content, dollars="$$" if display else "")
        case _:
            return _formula(whole, content, dollars="$$" if kind in {"square", "double"} else "$")


def _formula(raw: str, content: str, *, dollars: str) -> Replacement:
    """Return the replacement of a formula; a symbol without dollars is text in a rich message."""
    latex = re.sub(r"\n[ \t>]*", "\n", content).strip()
    shown = clean(to_unicode(latex)) or raw
    rich = dollars and dollars + latex.replace("<", r"\lt ") + dollars
    return Replacement(raw, shown, rich, is_display=dollars == "$$")
