"""Recognises formulas in LaTeX and writes them in Unicode."""

import re
import unicodedata

from telegramify_markdown.latex_escape.const import LATEX_SYMBOLS
from telegramify_markdown.latex_escape.helper import LatexToUnicodeHelper

_LATEX = LatexToUnicodeHelper()
_MATHS = re.compile(r"\\[a-zA-Z]|[=^<>+{}]|(?<![a-zA-Z])[a-zA-Z]_")
_PROSE = re.compile(r"(?<!\w)[^\W\d_]{3,}[,;]? [^\W\d_]{2,}")

# A group in braces, with up to two levels of braces inside.
_GROUP = r"\{(?:[^{}\n`]|\{(?:[^{}\n`]|\{[^{}\n`]*\})*+\})*+\}"
# Arrows, relations and operators. The names of letters are left alone: they may be words.
_SYMBOLS = "|".join(
    name[1:]
    for name, symbol in sorted(LATEX_SYMBOLS.items(), reverse=True)
    if (re.fullmatch(r"\\[A-Za-z]{2,}", name) and unicodedata.category(symbol[:1] or " ") == "Sm")
    or name in {"\\dots", "\\ldots", "\\cdots"}
)
_ENVIRONMENTS = (
    r"(?:equation|align(?:ed|at)?|gather(?:ed)?|multline|eqnarray|displaymath|split|math)"
)

# LaTeX without dollars: an environment, a command with its arguments, or a symbol. What stands
# behind letters, a colon or a slash is a path, such as `C:\times`.
BARE = rf"""
    \\begin\{{(?P<environment>{_ENVIRONMENTS}\*?)\}}
    (?: [^`\n] | \n(?![ \t>]*(?:\n|~~~)) ){{1,3000}}? \\end\{{(?P=environment)\}}
  | (?<![A-Za-z][A-Za-z_])(?<![\\:/.])
    (?: \\(?:[dtc]?frac) {_GROUP} {_GROUP}
      | \\(?:sqrt(?:\[[^\]\n]{{0,9}}\])?|boxed|ce|text|mathrm|mathbf|mathbb|xrightarrow) {_GROUP}
      | \^\{{?\\(?:circ|degree)\b\}}?
      | \\(?:{_SYMBOLS}) (?![A-Za-z]) (?: [_^] (?: {_GROUP} | [A-Za-z0-9](?!\w) ) )*+
    )
"""

_WRAPPERS = re.compile(r"\\(ce|pu|boxed|fbox|[dtc]frac|degree)(?![A-Za-z])")
# Telegram makes a command of `/2a` unless a letter or digit stands before the slash.
_TAPPABLE = re.compile(r"(?<!\w) ?/(?=\w)")

_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_SUPERSCRIPT = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
_ARROWS = (("<=>", "⇌"), ("<->", "↔"), ("->", "→"), ("<-", "←"))


def is_math(kind: str, content: str) -> bool:
    """Tell formulas from dollar amounts, shell variables and escaped brackets.

    `kind` is "single" or "double" for dollars, "round" or "square" for escaped brackets.
    """
    if not content.strip():
        return False
    if _MATHS.search(content):
        return kind != "single" or not re.match(r"[\d.,]+\s+[^\W\d_]{2}", content)
    if kind == "square":
        return False
    return not (_PROSE.search(content) or (kind == "single" and re.match(r"\d.*\s", content)))


def to_unicode(latex: str) -> str:
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
    text: str = _LATEX.convert(_unwrap(latex.replace("\n", " ")))  # type: ignore[no-untyped-call]
    lines = (line.strip() for line in text.split("\n"))
    return _TAPPABLE.sub(" / ", "\n".join(line for line in lines if line))


def _unwrap(latex: str) -> str:
    """Rewrite the commands that the converter does not know, or writes badly."""
    parts: list[str] = []
    position = 0
    while match := _WRAPPERS.search(latex, position):
        parts.append(latex[position : match.start()])
        command, position = match[1], match.end()
        group = re.compile(_GROUP).match(latex, position)
        if command == "degree":
            parts.append("°")
        elif command.endswith("frac"):
            parts.append(r"\frac")
        elif group is None:
            parts.append(match[0])
        elif command in {"ce", "pu"}:
            parts.append(r"\text{" + _chemistry(group[0][1:-1]) + "}")
            position = group.end()
        else:
            parts.append(f"⟦{_unwrap(group[0][1:-1])}⟧")
            position = group.end()
    return "".join((*parts, latex[position:]))


def _chemistry(formula: str) -> str:
    r"""Write the contents of `\ce`: subscripts behind elements, charges, arrows."""
    for typed, arrow in _ARROWS:
        formula = formula.replace(typed, arrow)
    formula = re.sub(
        r"\^\{?([0-9]*[+-])\}?", lambda match: match[1].translate(_SUPERSCRIPT), formula
    )
    formula = re.sub(r"(?<=[A-Za-z)\]])([+-])(?=\s|$)", _raise, formula)
    return re.sub(
        r"(?<=[A-Za-z)\]])_?\{?([0-9]+)\}?", lambda match: match[1].translate(_SUBSCRIPT), formula
    )


def _raise(match: re.Match[str]) -> str:
    return match[0].translate(_SUPERSCRIPT)
