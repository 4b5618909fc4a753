"""Decides what stars, underscores and tildes mean: bold, italic, struck, or just themselves.

CommonMark decides by white space and punctuation around a mark, which eats the stars of
`2*3*4`, `a**2 + b**2` and `*.py`, and does not see the bold of `**東京(Tokyo)**の`. Here a mark
opens before and closes behind anything but white space, and rules say which marks are no marks.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .placeholders import LITERAL_MARKS, STAR, TILDE, UNDERSCORE
from .spans import Span, StyledText

_RUNS = re.compile(f"{STAR}+|{UNDERSCORE}+|{TILDE}+")
# The end of an address is not part of it: marks there may close.
_ADDRESS = re.compile(
    rf"(?:https?://|www\.)[!-~{STAR}{UNDERSCORE}{TILDE}]*[\w/=&#%+$@-](?<![^!-~])", re.IGNORECASE
)

# How many open marks a closing one is compared with; beyond that nobody means a pair.
_REACH = 8

# Scripts that are written without blanks between words, or with particles behind them.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u312f\u3130-\u33ff"
    "\u3400-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff]"
)

_DUNDER = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_+[A-Za-z0-9]+)*")
# Names that are written with two underscores on both sides in Python, C, PHP and JavaScript.
_KNOWN_DUNDERS = re.compile(
    """
    abs | add | aenter | aexit | aiter | all | and | anext | annotations | args | author |
    await | base | bases | bool | builtins | bytes | cached | call | ceil | class | closure
    | code | complex | contains | copy | copyright | debug | deepcopy | defaults | del |
    delattr | delete | delitem | dict | dir | div | divmod | doc | email | enter | eq | exit
    | file | fixtures | float | floor | format | func | fspath | future | ge | generated |
    get | getattr | getattribute | getitem | getstate | global | globals | gt | hash | host
    | device | iadd | import | index | init | int | invert | isub | iter | jsonb |
    kwdefaults | le | len | license | loader | lshift | lt | main | match | matmul | missing
    | mocks | mod | module | mro | mul | name | ne | neg | new | next | or | origin |
    package | path | pos | post | pow | proto | pycache | qualname | radd | reduce | repr |
    reversed | rmul | round | rshift | rsub | self | set | setattr | setitem | setstate |
    shared | slots | snapshots | spec | status | str | sub | subclasses | sum | tablename |
    test | tests | truediv | trunc | type | typename | version | weakref | wrapped | xor |
    attribute | restrict | asm | inline | volatile | declspec | typeof | unused | packed
    """,
    re.VERBOSE | re.IGNORECASE,
)

_CODE_AFTER_DUNDER = re.compile(r"\.\w|[(\[/\\:]|\s*=")
_CODE_AFTER = re.compile(r"\.\w|[@=/\\]")
_OPERATORS = re.compile(r"[-+/=<>%^]")
_OPERAND_BEFORE = re.compile(r"(?:^|[^\w])\w\s*$|[\d)\]]\s*$")
_COMMAND = re.compile(r"/\w+ [^*]*[^*/]")
_WORD_END = re.compile(r"[a-z]{2,}(?![\w*])")


@dataclass(slots=True)
class _Run:
    """Marks of one kind in a row; `left` of them are not yet part of a pair."""

    mark: str
    start: int
    length: int
    before: str
    after: str
    left: int = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.length

    @property
    def end(self) -> int:
        return self.start + self.length

    @property
    def loose(self) -> bool:
        """Whether it has white space on both sides."""
        return self.before.isspace() and self.after.isspace()


@dataclass(frozen=True, slots=True)
class Pair:
    """An opening and a closing mark, each `width` characters; `close` is the text's end if open."""

    style: str
    open: int
    close: int
    width: int


@dataclass(slots=True)
class Marks:
    """What the marks of a text mean: pairs, and ranges to be left out."""

    pairs: list[Pair] = field(default_factory=list)
    hidden: list[tuple[int, int]] = field(default_factory=list)


def apply_marks(styled: StyledText, *, unfinished: bool = False) -> StyledText:
    """Turn the marks in a piece of text into spans; those that mean nothing stay as typed.

    With `unfinished`, what is open at the end is taken to be closed there.
    """
    if styled.text.isascii() or not _RUNS.search(styled.text):
        return styled
    marks = find_marks(styled, unfinished=unfinished)
    hidden = sorted(marks.hidden)
    starts = [start for start, _ in hidden]
    removed = [0]
    for start, end in hidden:
        removed.append(removed[-1] + end - start)

    def moved(position: int) -> int:
        number = bisect_right(starts, position - 1)
        inside = max(0, hidden[number - 1][1] - position) if number else 0
        return position - removed[number] + inside

    spans = [
        Span(span.type, moved(span.start), moved(span.end), span.url, span.language)
        for span in styled.spans
    ]
    for pair in marks.pairs:
        start, end = moved(pair.open + pair.width), moved(pair.close)
        if start < end:
            spans.append(Span(pair.style, start, end))
    return StyledText(_cut(styled.text, hidden).translate(LITERAL_MARKS), tuple(spans))


def _cut(text: str, hidden: list[tuple[int, int]]) -> str:
    parts: list[str] = []
    position = 0
    for start, end in hidden:
        parts.append(text[position:start])
        position = max(position, end)
    return "".join((*parts, text[position:]))


def find_marks(styled: StyledText, *, unfinished: bool = False) -> Marks:
    """Find the pairs of marks in a piece of text."""
    text = styled.text.translate(LITERAL_MARKS)
    marks = Marks()
    stack: list[_Run] = []
    for run in _runs(styled.text, text):
        if _can_close(run):
            _close(run, stack, text, marks)
        if run.left == run.length and _can_open(run):
            stack.append(run)
    if unfinished:
        _close_at_end(styled.text, text, stack, marks)
    return marks


def _runs(marked: str, text: str) -> Iterator[_Run]:
    addresses = [match.span() for match in _ADDRESS.finditer(marked)] if "/" in marked else []
    for match in _RUNS.finditer(marked):
        start, end = match.span()
        if any(first < start < last for first, last in addresses):
            continue
        before = text[start - 1 : start] or "\n"
        after = text[end : end + 1] or "\n"
        # Between two equal characters they are themselves: "*", ^_^, /**/.
        if before == after and not (before.isspace() or before.isalnum() or before in "(*_~"):
            continue
        if match[0][0] != TILDE or end - start == 2:
            yield _Run(match[0][0], start, end - start, before, after)


def _is_word(character: str) -> bool:
    return character.isalnum() and not _UNSPACED.match(character)


def _can_open(run: _Run) -> bool:
    before, after = run.before, run.after
    if after in ")]},;" or (after.isspace() and not _may_be_loose(run)):
        return False
    if run.mark == UNDERSCORE:
        return not (before.isalnum() or before in "$@#/\\&=%.")
    if run.mark == TILDE:
        return True
    if before in ")]" and not after.isspace():
        return False
    if run.length == 1:
        return not (_is_word(before) or before == ".")
    return not _is_word(before) or (before.isalpha() and after.isalpha())


def _can_close(run: _Run) -> bool:
    before, after = run.before, run.after
    if before in "([{" or (before.isspace() and not _may_be_loose(run)):
        return False
    if run.mark == UNDERSCORE:
        return not after.isalnum() or bool(_UNSPACED.match(after) and not before.isalnum())
    if run.mark == TILDE:
        return True
    if run.length > 1:
        # A power: a**2, (a + b)**2.
        return not (after.isdigit() and (_is_word(before) or before in ")]"))
    return not before.isdigit() or not _is_word(after)


def _may_be_loose(run: _Run) -> bool:
    """Return whether a mark may have white space on its inner side: `** bold **`, `**Note: **x`."""
    return run.length == 2 and run.mark != UNDERSCORE


def _close(run: _Run, stack: list[_Run], text: str, marks: Marks) -> None:
    """Pair a closing mark with the open ones it fits, innermost first."""
    while run.left:
        for number in range(len(stack) - 1, max(-1, len(stack) - 1 - _REACH), -1):
            opener = stack[number]
            if not _fits(opener, run):
                continue
            if _means_a_pair(opener, run, text, marks):
                break
            if run.mark == UNDERSCORE:
                # A name such as __init__: neither mark belongs to another.
                del stack[number:]
                run.left = 0
                return
        else:
            return
        del stack[number + 1 :]
        width = 2 if min(opener.left, run.left) > 1 else 1
        _add_pair(opener, run, width, text, marks)
        opener.left -= width
        run.left -= width
        if not opener.left:
            del stack[number]


def _fits(opener: _Run, run: _Run) -> bool:
    if opener.mark != run.mark:
        return False
    return {opener.left, run.left} != {1, 2}


def _add_pair(opener: _Run, run: _Run, width: int, text: str, marks: Marks) -> None:
    first = opener.start + opener.left - width
    last = run.end - run.left
    style = "strikethrough" if run.mark == TILDE else ("italic", "bold")[width - 1]
    marks.pairs.append(Pair(style, first, last, width))
    marks.hidden += ((first, _blank_after(text, opener, first + width)), (last, last + width))
    if run.before.isspace() and run.after.isspace() and last == run.start:
        marks.hidden.append((last - 1, last))


def _blank_after(text: str, opener: _Run, end: int) -> int:
    """Return the end of an opening mark with the blank behind it, where another is before it."""
    return end + 1 if opener.loose and text[end : end + 1] == " " else end


def _means_a_pair(opener: _Run, run: _Run, text: str, marks: Marks) -> bool:
    """Tell a pair of marks from two that only look like one."""
    inside = text[opener.end : run.start]
    if not inside.strip():
        return False
    if run.mark == TILDE:
        return not _is_loose_nonsense(opener, run, inside, text)
    if run.mark == UNDERSCORE:
        return _is_underscore_pair(opener, run, inside, text)
    if opener.before == "/" == run.after or inside[0] == "/" == inside[-1]:
        return False
    if opener.before == "(" and _closes_too_much(inside):
        return False
    if min(opener.left, run.left) == 1:
        return _is_italic(opener, run, inside, text, marks)
    return _is_bold(opener, run, inside, text)


def _closes_too_much(inside: str) -> bool:
    first = inside.find(")")
    return first >= 0 and "(" not in inside[:first]


def _is_underscore_pair(opener: _Run, run: _Run, inside: str, text: str) -> bool:
    behind = text[run.end : run.end + 3]
    if min(opener.left, run.left) == 1:
        return not _CODE_AFTER.match(behind)
    if not _DUNDER.fullmatch(inside):
        return True
    in_code = opener.before in ".(/\\'\"[" or _CODE_AFTER_DUNDER.match(behind)
    return not (in_code or "_" in inside or inside.isupper() or _KNOWN_DUNDERS.fullmatch(inside))


def _is_italic(opener: _Run, run: _Run, inside: str, text: str, marks: Marks) -> bool:
    """Tell `*word*` from products, file patterns and regular expressions."""
    if _is_file_pattern(inside) or not any(map(str.isalnum, inside)):
        return False
    behind = text[run.end : run.end + 30]
    if run.before.isalnum() and _is_word(run.after):
        return inside.isalpha() and _WORD_END.match(behind) is not None
    if run.after == "." and behind[1:2].isalnum():
        return False
    if _UNSPACED.match(opener.before) and opener.after.isalnum() and " " in inside:
        return False
    if _UNSPACED.match(opener.before) and _UNSPACED.match(run.after):
        return not _is_product(inside, text[max(0, opener.start - 30) : opener.start])
    if inside[0].isdigit() or inside[-1].isdigit():
        before = text[max(0, opener.start - 3) : opener.start].rstrip()
        return not (before[-1:].isdigit() and behind.lstrip()[:1].isdigit())
    return "*" not in _without(text, opener.end, run.start, marks)


def _is_file_pattern(inside: str) -> bool:
    """Tell `*.py` and `*/x/*` from the words of a command: `*/search basmati rice*`."""
    return inside[0] == "." or (inside[0] == "/" and not _COMMAND.fullmatch(inside))


def _is_product(inside: str, before: str) -> bool:
    """Return whether stars between letters of an unspaced script multiply: 长*宽*高."""
    return len(inside) == 1 or re.search(r"[=＝]\s*\w+$", before) is not None


def _without(text: str, start: int, end: int, marks: Marks) -> str:
    """Return a piece of text without the marks that are known to be marks, and without bold."""
    for first, last in marks.hidden:
        if start <= first and last <= end:
            text = text[:first] + " " * (last - first) + text[last:]
    return re.sub(r"\*{2,}|(?<!\w)\*|\*(?!\w)", "", text[start:end])


def _is_bold(opener: _Run, run: _Run, inside: str, text: str) -> bool:
    """Tell `**words**` from powers and operators with blanks around them."""
    if inside[0].isspace() or inside[-1].isspace():
        return not _is_loose_nonsense(opener, run, inside, text)
    if inside[0] == "/" and ("/*" in inside[:2] or run.after.isalnum()):
        return False
    if run.after == "(" and re.search(r"\s\w$", inside):
        return False
    cut_before, cut_after = _is_word(opener.before), _is_word(run.after) and _is_word(run.before)
    if cut_before and cut_after:
        return inside.isalpha() and len(_word_around(text, opener, run)) > 2
    if cut_before:
        return not re.search(r"(?:^|\W)\w$", text[max(0, opener.start - 2) : opener.start])
    if cut_after and " " in inside:
        return not (re.search(r"\W\w$", inside) and re.match(r"\w\b", text[run.end :][:2]))
    return True


def _word_around(text: str, opener: _Run, run: _Run) -> str:
    before = re.search(r"[^\W\d_]*$", text[max(0, opener.start - 30) : opener.start])
    after = re.match(r"[^\W\d_]*", text[run.end : run.end + 30])
    return (before[0] if before else "") + (after[0] if after else "")


def _is_loose_nonsense(opener: _Run, run: _Run, inside: str, text: str) -> bool:
    """Return whether marks with white space on an inner side are operators, or no pair."""
    if not (inside[0].isspace() or inside[-1].isspace()):
        return False
    if "\n" in inside or _OPERATORS.search(inside) or _OPERAND_BEFORE.search(inside):
        return True
    if inside[0].isspace() and not opener.before.isspace():
        return True
    before = text[max(0, opener.start - 4) : opener.start]
    if opener.loose and opener.start and _OPERAND_BEFORE.search(before):
        return True
    closes_sentence = inside.rstrip()[-1] in ":.!?：。！？"
    return inside[-1].isspace() and not (run.after.isspace() or closes_sentence)


def _close_at_end(marked: str, text: str, stack: Iterable[_Run], marks: Marks) -> None:
    """Close what is open at the end of an unfinished text, and hide a half-typed mark there."""
    end = len(text)
    last = re.search(rf"[{STAR}{UNDERSCORE}{TILDE}]+\Z", marked)
    if last and re.search(r"__\w+$", text[: last.start()]):
        last = None
    if last and not any(start >= last.start() for start, _ in marks.hidden):
        marks.hidden.append((last.start(), end))
        end = last.start()
    for run in stack:
        inside = text[run.end : end]
        if run.start >= end or not inside.strip() or not _looks_open(run, inside):
            continue
        for width in (2, 1) if run.left > 2 else (min(run.left, 2),):
            style = "strikethrough" if run.mark == TILDE else ("italic", "bold")[width - 1]
            marks.pairs.append(Pair(style, run.start, end, run.left))
        marks.hidden.append((run.start, run.start + run.left))


def _looks_open(run: _Run, inside: str) -> bool:
    """Return whether an open mark is likely to be closed later."""
    if inside[0].isspace() or _is_word(run.before):
        return False
    if run.mark == UNDERSCORE:
        return " " in inside
    if run.before == "(" and _closes_too_much(inside):
        return False
    return run.length > 1 or not (_is_file_pattern(inside) or (" " not in inside and "*" in inside))
