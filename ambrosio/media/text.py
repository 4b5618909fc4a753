"""Decodes text of unknown encoding, and tells text from other bytes. Pure."""

import codecs
import re

from ..core.file_errors import EmptyFile, UnsupportedFile
from .encodings import guess_encoding

READABLE = "PDF, Word, OpenDocument, Excel, RTF, HTML, e-mail and text files"
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # UTF-32 first: its mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SAMPLE_BYTES = 4_096
# In UTF-16, every second byte of most European texts is zero.
MIN_ZERO_SHARE = 0.4
# A log or a program's output may have some; a program itself has far more.
MAX_CONTROL_SHARE = 0.02
CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]")
# How HTML, XML and old e-mails name their encoding.
DECLARED = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)


def decode_text(content: bytes, charset: str = "") -> str:
    """Decode a text, or raise `UnsupportedFile` if it is none, `EmptyFile` if nothing is in it.

    `charset` is what its server calls its encoding; it counts where the bytes do not tell.
    """
    # A character that was cut at the end is no reason to doubt the rest.
    text = content.decode(_find_encoding(content, charset), "replace").strip("\ufeff\ufffd")
    if not text.strip("\0 \t\r\n"):
        raise EmptyFile
    sample = text[:SAMPLE_BYTES]
    if len(CONTROLS.findall(sample)) > len(sample) * MAX_CONTROL_SHARE:
        raise UnsupportedFile(READABLE)
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _find_encoding(content: bytes, charset: str) -> str:
    for mark, encoding in BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return encoding
    sample = content[:SAMPLE_BYTES]
    half = max(1, len(sample) // 2)
    if sample[1::2].count(0) > half * MIN_ZERO_SHARE > sample[::2].count(0):
        return "utf-16-le"
    if sample[::2].count(0) > half * MIN_ZERO_SHARE > sample[1::2].count(0):
        return "utf-16-be"
    if _is_utf8(content):
        return "utf-8"
    declared = DECLARED.search(sample[:1024])
    named = _known_encoding(charset or (declared[1].decode() if declared else ""))
    return named or guess_encoding(content)


def _is_utf8(content: bytes) -> bool:
    try:
        # Not final: the last character may have been cut.
        codecs.getincrementaldecoder("utf-8")().decode(content)
    except UnicodeDecodeError:
        return False
    return True


def _known_encoding(name: str) -> str:
    """Return a declared encoding of one byte or more; "" if it is none, or cannot be true."""
    try:
        found = codecs.lookup(name)
    except LookupError:
        return ""
    # UTF-8 it is not, whatever it says; and some codecs of Python do not decode text.
    is_text = getattr(found, "_is_text_encoding", True)
    return found.name if is_text and not found.name.startswith("utf") else ""
