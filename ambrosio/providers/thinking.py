"""Separating a model's thinking from its answer where the server does not.

Pure. Servers send thinking in a field of its own only if they know the model's template; otherwise
it is in the text, between marks that differ from model to model. A mark counts outside code, at the
beginning of the answer or of a line, or right behind another one: text *about* such marks stays.
What the marks are comes from the templates of the models that use them (DeepSeek and Qwen: `think`;
gpt-oss: harmony channels; Gemma: `<|channel>`; Magistral: `[THINK]`; Kimi: `◁think▷`).
"""

import re

from ..core.messages import Delta

_NAMES = ("think", "thinking", "thought", "thoughts", "reasoning")
# Opening mark: its closing mark.
_PAIRS = {
    **{f"<{name}>": f"</{name}>" for name in _NAMES},
    "[think]": "[/think]",
    "◁think▷": "◁/think▷",
}
_CLOSING = frozenset(_PAIRS.values())
# gpt-oss: a header up to `<|message|>` names the channel; Gemma's is the rest of the line.
_HEADER_MARKS = ("<|start|>", "<|channel|>")
_MESSAGE_MARK = "<|message|>"
_GEMMA_OPEN, _GEMMA_CLOSE = "<|channel>", "<channel|>"
# Control tokens that end an answer, and have no place in a text.
_STOP_TOKENS = (
    *("<|im_end|>", "<|endoftext|>", "<|end_of_text|>", "<|eot_id|>", "<|end|>", "<|return|>"),
    *("<end_of_turn>", "<turn|>", "</s>", "<eos>", "<｜end▁of▁sentence｜>", "[/inst]"),
)
# A harmony answer whose control tokens were dropped on the way: the names of the channels stay.
_BARE_ANALYSIS, _BARE_FINAL = "analysis", "assistantfinal"
_MARKS = (
    *_PAIRS,
    *_CLOSING,
    *_HEADER_MARKS,
    _MESSAGE_MARK,
    _GEMMA_OPEN,
    _GEMMA_CLOSE,
    *_STOP_TOKENS,
)
_MARK = re.compile(
    "|".join(re.escape(mark) for mark in sorted(_MARKS, key=len, reverse=True)), re.IGNORECASE
)
_LONGEST = max(map(len, _MARKS))
_FIRST_SIGNS = re.compile("[<\\[◁]")


class ThinkTagParser:
    """Splits streamed text into answer and thinking, however the text is cut into pieces."""

    def __init__(self) -> None:
        # What may still become a mark.
        self._held = ""
        self._mode = "start"
        # The closing marks that the open blocks wait for, the innermost last.
        self._open: list[str] = []
        self._bare = False
        self._header = ""
        self._line = ""
        self._in_fence = False
        self._skip_blank = False
        self._has_text = False
        self.retracts = False

    def feed(self, text: str) -> Delta:
        """Parse the next piece; what may still be a mark is held back.

        Sets `retracts` when a closing mark without an opening one shows that all text before it
        was thinking.
        """
        self._held += text
        if self._mode == "start" and not self._begin():
            return Delta()
        return self._parse(final=False)

    def end(self) -> Delta:
        """Return what was held back, at the end of the stream."""
        return self._parse(final=True)

    def _begin(self) -> bool:
        """Decide about a bare harmony channel at the very beginning; False if it is too early."""
        begun = self._held.lstrip()
        if not begun:
            return False
        if _MARK.match(begun):
            # Blanks before a mark are not the answer's.
            self._held = begun
        elif any(mark.startswith(begun.lower()) for mark in _MARKS):
            return False
        if begun.startswith(_BARE_ANALYSIS):
            behind = begun[len(_BARE_ANALYSIS) : len(_BARE_ANALYSIS) + 1]
            if not behind:
                return False
            if behind.isupper():
                self._held, self._bare = begun[len(_BARE_ANALYSIS) :], True
                self._mode = "thinking"
                return True
        elif _BARE_ANALYSIS.startswith(begun):
            return False
        self._mode = "text"
        return True

    def _parse(self, *, final: bool) -> Delta:
        if self._mode == "start":
            self._mode = "text"
        out: list[Delta] = []
        while True:
            mark = self._next_mark()
            if mark is None:
                break
            start, end = mark
            out.append(self._emit(self._held[:start]))
            text, self._held = self._held[start:end], self._held[end:]
            retracted = self.retracts
            out.append(self._on_mark(text))
            if self.retracts and not retracted:
                out = [Delta(reasoning="".join(part.text + part.reasoning for part in out))]
        keep = 0 if final else self._may_be_mark()
        cut = len(self._held) - keep
        out.append(self._emit(self._held[:cut]))
        self._held = self._held[cut:]
        return Delta("".join(part.text for part in out), "".join(part.reasoning for part in out))

    def _next_mark(self) -> tuple[int, int] | None:
        if self._bare and (at := self._held.find(_BARE_FINAL)) >= 0:
            return at, at + len(_BARE_FINAL)
        found = _MARK.search(self._held)
        return found.span() if found else None

    def _may_be_mark(self) -> int:
        """Count the characters at the end that may be the beginning of a mark."""
        tail = self._held[-_LONGEST:]
        if self._bare:
            for size in range(min(len(tail), len(_BARE_FINAL) - 1), 0, -1):
                if _BARE_FINAL.startswith(tail[-size:]):
                    return size
        for found in _FIRST_SIGNS.finditer(tail):
            candidate = tail[found.start() :].lower()
            if any(mark.startswith(candidate) for mark in _MARKS):
                return len(candidate)
        return 0

    def _on_mark(self, mark: str) -> Delta:
        kind = mark.lower()
        if self._mode == "header":
            return self._in_header(kind)
        if self._bare and mark == _BARE_FINAL:
            self._bare = False
            return self._to_text()
        if self._is_code():
            return self._emit(mark)
        if kind in _HEADER_MARKS:
            self._mode, self._header = "header", ""
            return Delta()
        if kind == _GEMMA_OPEN:
            self._mode, self._header = "header", ""
            return Delta()
        if kind in {_GEMMA_CLOSE, _MESSAGE_MARK} or kind in _STOP_TOKENS:
            return self._to_text() if self._mode == "thinking" else Delta()
        return self._on_pair(mark, kind)

    def _in_header(self, kind: str) -> Delta:
        if kind == _MESSAGE_MARK:
            name = self._header.strip().split(maxsplit=1)[0].lower() if self._header.strip() else ""
            if name in {"final", "assistant", ""}:
                return self._to_text()
            self._mode = "thinking"
        elif kind not in _HEADER_MARKS:
            return self._to_text()
        else:
            self._header = ""
        return Delta()

    def _on_pair(self, mark: str, kind: str) -> Delta:
        if kind in _PAIRS:
            if self._mode == "thinking":
                self._open.append(_PAIRS[kind])
                return Delta(reasoning=mark)
            if self._line.strip():
                return self._emit(mark)
            self._mode, self._open = "thinking", [_PAIRS[kind]]
            return Delta()
        if self._mode == "thinking":
            if self._open and kind == self._open[-1]:
                self._open.pop()
                return Delta(reasoning=mark) if self._open else self._to_text()
            return Delta(reasoning=mark)
        if self._has_text and not self._line.strip() and not self.retracts:
            # The template opened the thinking, so all of it was taken for the answer.
            self.retracts = True
            self._skip_blank, self._line = True, ""
            return Delta()
        return self._emit(mark)

    def _to_text(self) -> Delta:
        self._mode, self._open = "text", []
        self._skip_blank, self._line = True, ""
        return Delta()

    def _emit(self, text: str) -> Delta:
        if not text:
            return Delta()
        if self._mode == "header":
            return self._emit_header(text)
        if self._mode == "thinking":
            return Delta(reasoning=text)
        if self._skip_blank:
            text = text.lstrip()
            self._skip_blank = not text
        self._has_text = self._has_text or bool(text.strip())
        self._follow(text)
        return Delta(text=text)

    def _emit_header(self, text: str) -> Delta:
        """Swallow a header; Gemma's ends with its line."""
        name, newline, rest = text.partition("\n")
        self._header += name
        if not newline:
            return Delta()
        self._mode = "thinking"
        return self._emit(rest)

    def _follow(self, text: str) -> None:
        """Keep track of the line, and of fences, for `_is_code`."""
        *lines, last = (self._line + text).split("\n")
        for line in lines:
            if line.lstrip().startswith(("```", "~~~")):
                self._in_fence = not self._in_fence
        self._line = last

    def _is_code(self) -> bool:
        if self._mode != "text":
            return False
        fence = self._line.lstrip().startswith(("```", "~~~"))
        return self._in_fence or fence or self._line.count("`") % 2 == 1
