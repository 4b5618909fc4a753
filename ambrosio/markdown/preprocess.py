"""Prepares Markdown for the parser: replaces what it would misread with placeholders.

Raw HTML, mathematics, single tildes and a few others become placeholders (Unicode noncharacters,
which no real text contains). After parsing they are restored: as *shown* in prose, or *raw* where
the parser found code. So only the parser has to recognise code.
"""

import re
import unicodedata
from dataclasses import dataclass, field

from telegramify_markdown.latex_escape.helper import LatexToUnicodeHelper

_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
_ANGLE, _ESCAPED_ANGLE, _TILDE, COLON, _JOINT = "\ufdd2\ufdd3\ufdd4\ufdd5\ufdd6"
_PLACEHOLDERS = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")
_RICH = str.maketrans({_ANGLE: "&lt;", _ESCAPED_ANGLE: "&lt;", _TILDE: "~", COLON: ":", _JOINT: ""})
_SHOWN = _RICH | str.maketrans({_ANGLE: "<", _ESCAPED_ANGLE: "<", "\t": " "})
_RAW = _RICH | str.maketrans({_ANGLE: "<", _ESCAPED_ANGLE: r"\<"})

# What TDLib removes or replaces (`clean_input_string`), which would shift the offsets: control
# characters, line separators, directional overrides and three combining marks. And noncharacters,
# which are our placeholders.
_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u030a\u0333\u033f\u202a-\u202e\ufdd0-\ufdef\ufffe\uffff]"
)
_RING = re.compile(r"[A-Za-z]\u030a")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_NEWLINES = re.compile(r"\r\n?|[\u2028\u2029]")

# Each alternative stops at the next opening of its own kind, so the search takes linear time.
_PIECES = re.compile(
    r"""
    \\\( (?P<round>  (?: [^\\`\n] | \\[^()\[\]\n] )++ ) \\\)
  | \\\[ (?P<square> (?: [^\\`\n] | \n(?![ \t>]*(?:\n|~~~)) | \\[^()\[\]] )++ ) \\\]
  | \$\$ (?P<double> (?: [^\\`\n$] | \n(?![ \t>]*(?:\n|~~~)) | \\. )++ ) \$\$
  | (?<![\w$]) \$ (?![\s$]) (?P<single> (?: [^\\`\n$] | \\. )++ ) (?<!\s) \$ (?![\w$])
  | (?P<escaped> \\< ) | \\[^<]
  | (?P<angle> < (?! https?://[^\s<>]+> ) )
  | (?P<tilde> (?<!~) ~ (?!~) )
  | \[\^ [^\]\s]{1,60} \]: | \] (?P<colon> : )
    """,
    re.VERBOSE,
)

# `**注意：**文字` and `叫**“引用”**的`: CommonMark requires a space there, Chinese has none.
_WIDE = r"[^\x00-\x7f\s\w*]"
_JOINTS = re.compile(rf"(?<={_WIDE})(?=\*\*\w)|(?<=:)(?=\*\*[^\W\d_])|(?<=\w\*\*)(?={_WIDE})")

_MATHS = re.compile(r"\\[a-zA-Z]|[=^<>+{}]|(?<![a-zA-Z])[a-zA-Z]_")
_PROSE = re.compile(r"(?<!\w)[^\W\d_]{3,}[,;]? [^\W\d_]{2,}")
_LATEX = LatexToUnicodeHelper()


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula: as written, its LaTeX, as shown in Unicode, and whether it is display math."""

    raw: str
    latex: str
    shown: str
    display: bool


@dataclass(slots=True)
class PreparedMarkdown:
    """Markdown with placeholders, and the formulas they stand for."""

    text: str = ""
    formulas: list[Formula] = field(default_factory=list)

    def shown(self, text: str) -> str:
        """Restore placeholders in parsed text as the reader should see them."""
        if _OPEN in text:
            text = _PLACEHOLDERS.sub(lambda match: self._formula(match).shown, text)
        return text.translate(_SHOWN)

    def raw(self, text: str) -> str:
        """Restore placeholders in parsed text as they were written."""
        if _OPEN in text:
            text = _PLACEHOLDERS.sub(lambda match: self._formula(match).raw, text)
        return text.translate(_RAW)

    def has_display_math(self, text: str) -> bool:
        """Return whether parsed text contains display math."""
        if _OPEN not in text:
            return False
        return any(self._formula(match).display for match in _PLACEHOLDERS.finditer(text))

    def rich(self, text: str) -> str:
        """Restore placeholders for Telegram's own parser: formulas in dollars, HTML escaped."""
        text = _PLACEHOLDERS.sub(lambda match: _dollars(self._formula(match)), text)
        return text.translate(_RICH)

    def _formula(self, match: re.Match[str]) -> Formula:
        return self.formulas[int(match[1])]


def clean(text: str) -> str:
    """Remove what Telegram strips or UTF-8 cannot encode."""
    text = _NEWLINES.sub("\n", text)
    text = _RING.sub(lambda match: unicodedata.normalize("NFC", match[0]), text)
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub("", text))


def prepare(markdown: str) -> PreparedMarkdown:
    """Replace what the parser would misread with placeholders."""
    text = clean(markdown)
    source = PreparedMarkdown()
    parts: list[str] = []
    position = 0
    while match := _PIECES.search(text, position):
        parts.append(text[position : match.start()])
        piece, length = _replace(match, source.formulas)
        parts.append(piece)
        position = match.start() + length
    parts.append(text[position:])
    source.text = _JOINTS.sub(_JOINT, "".join(parts))
    return source


def _replace(match: re.Match[str], formulas: list[Formula]) -> tuple[str, int]:
    """Return the placeholder for a match, and how many characters of it are replaced."""
    whole = match[0]
    match match.lastgroup:
        case "round" | "square" | "double" | "single" as kind:
            if not _is_math(kind, match[kind]):
                length = 1 if kind == "single" else 2
                return whole[:length], length
            formulas.append(_formula(whole, match[kind], display=kind in {"square", "double"}))
            return f"{_OPEN}{len(formulas) - 1}{_CLOSE}", len(whole)
        case "angle":
            return _ANGLE, 1
        case "escaped":
            return _ESCAPED_ANGLE, 2
        case "tilde":
            return _TILDE, 1
        case "colon":
            return "]" + COLON, 2
        case _:
            return whole, len(whole)


def _is_math(kind: str, content: str) -> bool:
    """Tell formulas from dollar amounts, shell variables and escaped brackets."""
    if not content.strip():
        return False
    if _MATHS.search(content):
        return kind != "single" or not re.match(r"[\d.,]+\s+[^\W\d_]{2}", content)
    if kind == "square":
        return False
    return not (_PROSE.search(content) or (kind == "single" and re.match(r"\d.*\s", content)))


def _formula(raw: str, content: str, *, display: bool) -> Formula:
    latex = re.sub(r"\n[ \t>]*", "\n", content).strip()
    return Formula(raw, latex, clean(_unicode(latex)) or raw, display)


def _unicode(latex: str) -> str:
    """Convert LaTeX to Unicode; unchanged if nested too deeply for the recursive converter."""
    depth = 0
    for character in latex:
        depth += (character == "{") - (character == "}")
        if depth > 30:
            return latex
    # The converter treats a run of commands without arguments as nested.
    if len(latex) > 3000 or re.search(r"(?:\\[a-zA-Z]+\s*){60}", latex):
        return latex
    # The package is typed, but not this private class.
    text: str = _LATEX.convert(latex.replace("\n", " "))  # type: ignore[no-untyped-call]
    lines = text.split("\n")
    return "\n".join(line.strip() for line in lines if line.strip())


def _dollars(formula: Formula) -> str:
    latex = formula.latex.replace("<", r"\lt ")
    if formula.display:
        return f"$${latex}$$"
    return f"${latex}$"
