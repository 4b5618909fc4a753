"""Takes the text out of HTML and RTF. Pure."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser

# What is on a page, and not part of what it says.
SKIPPED_TAGS = {"script", "style", "noscript", "template", "nav", "svg", "head", "iframe", "form"}
BLOCK_TAGS = {
    *("p", "div", "section", "article", "header", "footer", "main", "aside", "table", "tr"),
    *("ul", "ol", "li", "dl", "dt", "dd", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "hr", "br"),
    *("blockquote", "figure", "figcaption", "caption", "title"),
}
# What stands around the text of a page on the web; inside of the text, a header has its title.
FRAME_TAGS = {"header", "footer", "aside", "dialog", "menu", "button", "select"}
TEXT_TAGS = {"article", "main"}
# Where a page hides words that only machines are to read.
HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
HIDEABLE_TAGS = {"div", "span", "section", "article", "main", "table", "ul", "ol"}
VOID_TAGS = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "wbr"}


def html_to_text(html: str) -> str:
    """Return what a browser would show of a page, without its navigation."""
    parser = _PageText()
    parser.feed(html)
    parser.close()
    return tidy("".join(parser.parts))


def page_to_text(html: str) -> str:
    """Return what a page on the web says: its title, and its text without what stands around it."""
    parser = _WebPageText()
    parser.feed(html)
    parser.close()
    title, text = tidy("".join(parser.title_parts)), tidy("".join(parser.parts))
    return text if not title or text.startswith(title) else f"{title}\n\n{text}"


def tidy(text: str) -> str:
    """Leave one blank line at most between paragraphs, and no spaces around lines."""
    lines = "\n".join(line.strip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines).strip()


def _is_hidden(tag: str, attributes: Mapping[str, str | None]) -> bool:
    return tag in HIDEABLE_TAGS and (
        "hidden" in attributes or bool(HIDDEN.search(attributes.get("style") or ""))
    )


class _PageText(HTMLParser):
    """Collects the text of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        # The tag that is being skipped, and how often it has been opened inside itself.
        self._skipped, self._depth = "", 0
        self._is_preformatted = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._skipped:
            self._depth += tag == self._skipped
            return
        if self._is_skipped(tag, dict(attrs)):
            self._skipped, self._depth = tag, 1
            return
        if tag in {"td", "th"}:
            self.parts.append(" | " if self.parts and self.parts[-1][-1:] != "\n" else "")
        elif tag == "li":
            self.parts.append("\n- ")
        elif tag in BLOCK_TAGS:
            self.parts.append("\n")
        self._is_preformatted = self._is_preformatted or tag == "pre"

    def _is_skipped(self, tag: str, attributes: Mapping[str, str | None]) -> bool:
        return tag in SKIPPED_TAGS or _is_hidden(tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            self._depth -= tag == self._skipped
            if not self._depth:
                self._skipped = ""
            return
        if tag in BLOCK_TAGS and tag not in VOID_TAGS:
            self.parts.append("\n")
        if tag == "pre":
            self._is_preformatted = False

    def handle_data(self, data: str) -> None:
        if self._skipped:
            return
        self.parts.append(data if self._is_preformatted else re.sub(r"\s+", " ", data))


class _WebPageText(_PageText):
    """Collects the text of a page that was not sent by a person, and its title."""

    def __init__(self) -> None:
        super().__init__()
        self.title_parts: list[str] = []
        self._is_title = False
        # How many elements are open that hold the text itself.
        self._text_depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_title = self._skipped == "head" and tag == "title"
        self._text_depth += tag in TEXT_TAGS and not self._skipped
        super().handle_starttag(tag, attrs)

    def _is_skipped(self, tag: str, attributes: Mapping[str, str | None]) -> bool:
        if (tag in FRAME_TAGS and not self._text_depth) or tag == "aside":
            return True
        return super()._is_skipped(tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        self._is_title = False
        self._text_depth -= tag in TEXT_TAGS and not self._skipped and self._text_depth > 0
        super().handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        if self._is_title:
            self.title_parts.append(data)
        super().handle_data(data)


# A control word with its number, a character by its code, a sign, a brace, or text.
RTF_TOKEN = re.compile(
    r"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-f]{2})|\\([^a-z])|([{}])|[\r\n]+|([^\\{}\r\n]+)",
    re.IGNORECASE,
)
# Groups that hold no text of the document.
RTF_SKIPPED = {
    *("fonttbl", "colortbl", "stylesheet", "info", "pict", "object", "themedata", "datastore"),
    *("header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf"),
    *("fldinst", "listtable", "listoverridetable", "rsidtbl", "generator", "xmlnstbl"),
}
RTF_BREAKS = {"par": "\n", "line": "\n", "row": "\n", "sect": "\n\n", "page": "\n\n"}
RTF_CHARACTERS = {
    "tab": "\t",
    "cell": " | ",
    "emdash": "—",
    "endash": "–",
    "bullet": "•",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "emspace": " ",
    "enspace": " ",
}


def rtf_to_text(rtf: str) -> str:
    """Return the text of an RTF document, which is ASCII with escapes."""
    reader = _RtfReader()
    for token in RTF_TOKEN.finditer(rtf):
        reader.read(token)
    return tidy("".join(reader.parts))


class _RtfReader:
    """Follows the groups of an RTF document."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._encoding = "cp1252"
        # How many characters stand in for one that old programs do not know; it ends with a group.
        self._fallback_length, self._to_skip = 1, 0
        self._is_skipped = False
        self._groups: list[tuple[bool, int]] = []

    def read(self, token: re.Match[str]) -> None:
        """Take one token."""
        word, number, code, sign, brace, text = token.groups()
        if brace:
            self._read_brace(brace)
        elif sign == "*":
            self._is_skipped = True
        elif word:
            self._read_word(word, number)
        elif code:
            self._add(bytes.fromhex(code).decode(self._encoding, "replace"))
        elif sign:
            self._add({"~": "\u00a0", "_": "-", "\n": "\n", "\r": "\n"}.get(sign, sign))
        elif text:
            self._add(text)

    def _read_brace(self, brace: str) -> None:
        self._to_skip = 0
        if brace == "{":
            self._groups.append((self._is_skipped, self._fallback_length))
        elif self._groups:
            self._is_skipped, self._fallback_length = self._groups.pop()

    def _read_word(self, word: str, number: str | None) -> None:
        if word in RTF_SKIPPED:
            self._is_skipped = True
        elif word == "u" and number:
            self._add(_unit(int(number)))
            self._to_skip = self._fallback_length
        elif word == "uc" and number:
            self._fallback_length = min(9, max(0, int(number)))
        elif word == "ansicpg" and number and re.fullmatch(r"125\d|874|93[26]|949|950", number):
            self._encoding = f"cp{number}"
        else:
            self._add(RTF_BREAKS.get(word) or RTF_CHARACTERS.get(word, ""))

    def _add(self, text: str) -> None:
        skipped = min(self._to_skip, len(text))
        self._to_skip -= skipped
        if not self._is_skipped:
            self.parts.append(text[skipped:])


def _unit(number: int) -> str:
    """Return a UTF-16 code unit, which RTF gives as a signed number."""
    return chr(number % 65_536)
