"""Repairs what a whole line means: fences of code, rules, underlined headings, bullets.

CommonMark reads a fence only if it is alone on its line, an inner fence as the end of the outer
one, and any line above dashes as a heading. Models do not write so. The text comes out with
fences that CommonMark reads as they were meant; what stays in the text is unchanged.
"""

import re
from dataclasses import dataclass

from .fence_info import NESTING_LANGUAGES, is_language, parse_info
from .placeholders import TO_BLOCKS

_MARKER = r"(?:[-+*]|\d{1,9}[.)])(?=[ \t]|$)"
_PREFIX = re.compile(rf"(?:[ \t>]|{_MARKER})*")
_FENCE = re.compile(rf"((?:[ \t>]|{_MARKER})*)(`{{3,}}|~{{3,}})(.*)")
_GLUED_OPENING = re.compile(r"(.*[^\s`>])[ \t]*(`{3,})([\w+#./{}-]*)[ \t]*")
_GLUED_END = re.compile(r"(.*[^\s`])(`{3,})[ \t]*")
_ONE_LINE = re.compile(r"([ \t>]*)(`{3,})([\w+#-]+)[ \t]+([^`]+?)[ \t]*`{3,}[ \t]*")
_RULE = re.compile(r"(?:(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$")
# Five stars are a schedule of cron, three are a rule.
_CRON = re.compile(r"[ \t>]*(?:\*[ \t]){4}\*(?:[ \t]+[^\s*].*)?$")
_UNDERLINE = re.compile(r"([ \t>]*)(-+|=+)[ \t]*")

# How many lines a block of code with blocks inside may have.
_MAX_NESTED_LINES = 400


def repair_lines(text: str, *, unfinished: bool = False) -> str:
    """Return the text with its fences, rules and headings written as CommonMark expects them."""
    repair = _Repair(text.split("\n"), unfinished=unfinished)
    repair.run()
    return "\n".join(repair.out)


@dataclass(frozen=True, slots=True)
class _Fence:
    """An opening fence: what stands before it, its marks, and what stands behind."""

    prefix: str
    marks: str
    info: str

    @property
    def indent(self) -> str:
        """What the lines of the block have to begin with."""
        return re.sub(r"[^ \t>]", " ", self.prefix)

    @property
    def may_nest(self) -> bool:
        """Return whether the block may have blocks inside."""
        return not self.info.strip() or (
            parse_info(self.info).language.lower() in NESTING_LANGUAGES
        )

    def closed_by(self, other: "_Fence") -> bool:
        """Return whether CommonMark takes another fence as the end of this one."""
        return not other.info.strip() and not self._is_deep(other)

    def opened_inside(self, other: "_Fence") -> bool:
        """Return whether another fence begins a block of its own."""
        words = other.info.split()
        return bool(words) and not self._is_deep(other) and is_language(words[0])

    def odd_end(self, other: "_Fence", number: int) -> "_End | None":
        """Return the end that another fence may be: indented too far, or with text behind."""
        info = other.info.strip()
        return None if info and self._is_deep(other) else _End(number, behind=info)

    def _is_deep(self, other: "_Fence") -> bool:
        return len(other.indent) >= len(self.indent) + 4


@dataclass(frozen=True, slots=True)
class _End:
    """Where a block of code ends: its last line may hold code before, or text behind the fence."""

    line: int
    code: str | None = None
    behind: str = ""
    reopens: bool = False


class _Repair:
    def __init__(self, lines: list[str], *, unfinished: bool) -> None:
        self._lines = lines
        self._fences = [
            _read_fence(line) if "``" in line or "~~" in line else None for line in lines
        ]
        self._unfinished = unfinished
        self.out: list[str] = []

    def run(self) -> None:
        number = 0
        while number < len(self._lines):
            line = self._lines[number]
            fence = self._fences[number]
            if fence is None and "```" in line:
                fence = self._split_glued(number, line)
            if fence is None:
                self.out.append(self._repair_line(number, line))
                number += 1
            else:
                number = self._repair_block(number, fence)

    def _split_glued(self, number: int, line: str) -> _Fence | None:
        """Return the fence at the end of a line of text, if it opens a block; write the text."""
        if one := _ONE_LINE.fullmatch(line):
            if is_language(one[3]):
                prefix, marks = one[1], one[2]
                self._lines[number : number + 1] = [line, one[4], prefix + marks]
                self._fences[number : number + 1] = [None, None, _Fence(prefix, marks, "")]
                return _Fence(prefix, marks, one[3])
            return None
        match = _GLUED_OPENING.fullmatch(line)
        if match is None or match[1].count("`") % 2:
            return None
        if not (match[3] and self._unfinished) and not self._closes_later(number + 1):
            return None
        prefix = _PREFIX.match(line)
        self.out.append(self._repair_line(number, match[1]))
        return _Fence(re.sub(r"[^ \t>]", " ", prefix[0] if prefix else ""), match[2], match[3])

    def _closes_later(self, start: int) -> bool:
        """Return whether the next fence closes, so that one before it must open."""
        for number in range(start, len(self._lines)):
            fence = self._fences[number]
            if fence is not None:
                return not fence.info.strip() or not is_language(fence.info.strip())
            if _GLUED_END.fullmatch(self._lines[number]):
                return True
        return False

    def _repair_block(self, start: int, fence: _Fence) -> int:
        """Write a block of code, and return the number of the line behind it."""
        end = self._find_end(start, fence)
        if end is None:
            return self._write_open_block(start, fence)
        body = self._lines[start + 1 : end.line]
        if end.code is not None:
            body.append(end.code)
        marks = self._outer_marks(start, end.line, fence)
        self.out.append(_protect(fence.prefix) + marks + fence.info)
        self.out += (_indent(line, fence.indent) for line in body)
        self.out.append(fence.indent + marks)
        if end.reopens:
            return end.line
        if end.behind:
            self.out.append(fence.indent + end.behind)
        return end.line + 1

    def _write_open_block(self, start: int, fence: _Fence) -> int:
        """Write a block that is not closed: it goes on to the end, or to that of its list item."""
        marks = fence.marks.translate(TO_BLOCKS)
        if self._unfinished and fence.may_nest:
            marks = self._outer_marks(start, len(self._lines), fence)
        self.out.append(_protect(fence.prefix) + marks + fence.info)
        if fence.indent:
            return start + 1
        self.out += self._lines[start + 1 :]
        return len(self._lines)

    def _outer_marks(self, start: int, end: int, fence: _Fence) -> str:
        """Return the marks of a block's fence, longer than those inside."""
        inner = (inside.marks for inside in self._fences[start + 1 : end] if inside)
        lengths = [len(marks) + 1 for marks in inner if marks[0] == fence.marks[0]]
        return (fence.marks[0] * max((len(fence.marks), *lengths))).translate(TO_BLOCKS)

    def _find_end(self, start: int, fence: _Fence) -> _End | None:
        """Find the end of a block: the line that CommonMark would take, or else the first odd one.

        A line is an odd end if code stands before the fence or text behind it, or if it is
        indented too far. It counts if another block opens before the line for CommonMark.
        """
        odd: _End | None = None
        for number in range(start + 1, len(self._lines)):
            if ">" in fence.prefix and not self._lines[number].lstrip().startswith(">"):
                return odd
            other = self._fences[number]
            if other is None:
                odd = odd or self._glued_end(number, fence)
            elif other.marks.startswith(fence.marks):
                if fence.closed_by(other):
                    return _End(number)
                if fence.opened_inside(other):
                    return odd or self._end_at_opening(number, fence)
                odd = odd or fence.odd_end(other, number)
        return odd

    def _glued_end(self, number: int, fence: _Fence) -> _End | None:
        line = self._lines[number]
        match = _GLUED_END.fullmatch(line) if fence.marks in line else None
        return _End(number, code=match[1]) if match and match[2].startswith(fence.marks) else None

    def _end_at_opening(self, number: int, fence: _Fence) -> _End | None:
        """Return the end of a block in which another opens: behind it if it may have blocks."""
        if not fence.may_nest:
            return _End(number, reopens=True)
        closing = self._balanced(number, fence)
        if closing is not None:
            return _End(closing)
        if self._unfinished:
            return None
        if not fence.info.strip():
            return _End(number, reopens=True)
        # An answer that was cut: as CommonMark reads it, the next fence closes.
        for line in range(number + 1, len(self._lines)):
            other = self._fences[line]
            if other and other.marks.startswith(fence.marks) and fence.closed_by(other):
                return _End(line)
        return None

    def _balanced(self, start: int, fence: _Fence) -> int | None:
        """Return the line that closes the outer block if the fences inside it are all closed."""
        depth = 1
        for number in range(start, min(start + _MAX_NESTED_LINES, len(self._lines))):
            other = self._fences[number]
            if other is None or not other.marks.startswith(fence.marks):
                continue
            depth += 1 if other.info.strip() else -1
            if not depth:
                return number
        return None

    def _repair_line(self, number: int, line: str) -> str:
        prefix = _PREFIX.match(line)
        if prefix is None or _CRON.match(line):
            return line
        head, rest = prefix[0], line[prefix.end() :]
        if "*" in head:
            head = head.translate(TO_BLOCKS)
        if _RULE.match(rest):
            return head + rest.translate(TO_BLOCKS)
        underline = _UNDERLINE.fullmatch(line)
        if underline and number and self._is_text(number - 1):
            before = self._lines[number - 2] if number > 1 else ""
            if not _is_heading(underline[2], self._lines[number - 1], before):
                return underline[1] + _not_underlined(underline[2])
        return head + rest

    def _is_text(self, number: int) -> bool:
        """Return whether a line is text that dashes below it would make a heading."""
        line = self._lines[number]
        return line[:1] not in {" ", "\t", ""} and not re.match(rf"{_MARKER}|\|.*\|\s*$", line)


def _read_fence(line: str) -> _Fence | None:
    match = _FENCE.match(line)
    if match is None or (match[2][0] == "`" and "`" in match[3]):
        return None
    return _Fence(match[1], match[2], match[3])


def _protect(prefix: str) -> str:
    return prefix.translate(TO_BLOCKS) if "*" in prefix else prefix


def _indent(line: str, indent: str) -> str:
    """Indent a line of code at least as far as its fence, so that a list item does not end."""
    if not line.strip() or ">" in indent:
        return line
    have = len(line) - len(line.lstrip(" "))
    return line if line.startswith("\t") else indent[have:] + line


def _is_heading(underline: str, above: str, before: str) -> bool:
    """Return whether a line is underlined as a heading: alone, and as far as it is long."""
    if underline[0] == "=":
        return len(underline) > 2
    title = above.strip()
    return len(underline) > 2 and len(underline) >= len(title) and not before.strip()


def _not_underlined(underline: str) -> str:
    if underline[0] == "-" and len(underline) > 2:
        return "***".translate(TO_BLOCKS)
    return "\\" + underline
