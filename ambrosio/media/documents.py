"""Reads the text of a file, whatever kind it is; the child's only.

The kind is found out by the content: names and types that come with a file are often wrong. Only
where it is text already does the suffix say which.
"""

import json
import re
from collections.abc import Iterator
from pathlib import PurePath

from ..core.file_errors import (
    EmptyFile,
    EncryptedFile,
    FileTooDemanding,
    MediaNotInstalled,
    UnsupportedFile,
)
from ..core.media import Document
from .mail import is_mail, mail_to_text
from .markup import html_to_text, page_to_text, rtf_to_text
from .office import docx_to_text, opendocument_to_text
from .protocol import MAX_FRAME_BYTES, Job, pack
from .spreadsheet import xlsx_to_sheets
from .text import READABLE, decode_text
from .xml_archive import XmlArchive

# About 600 pages; more than any model reads, and enough to search in.
MAX_CHARACTERS = 2_000_000
PDF_HEADER_WITHIN_BYTES = 1_024
# An old Word or Excel file, or a new one with a password inside such a container.
OLE_HEADER = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]{1,40})", re.IGNORECASE)
HTML_START = re.compile(
    r"\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)


def read_document(job: Job) -> Iterator[bytes]:
    """Yield the frame with the text."""
    yield _frame(_read(job.content, job.file_name))


def read_web_page(job: Job) -> Iterator[bytes]:
    """Yield the frame with the text of what a web server has sent."""
    if b"%PDF-" in job.content[:PDF_HEADER_WITHIN_BYTES]:
        yield _frame(_read_pdf(job.content))
        return
    kind, _, parameters = job.media_type.partition(";")
    charset = CHARSET.search(parameters)
    text = decode_text(job.content, charset[1] if charset else "")
    is_plain = kind.strip().lower() == "text/plain"
    kind_name, read = ("text", str.strip) if is_plain else ("web page", page_to_text)
    yield _frame(Document(kind_name, (read(text),)))


def _frame(whole: Document) -> bytes:
    document = _cut(whole)
    if not document.is_scanned and not any(part.strip() for part in document.parts):
        raise EmptyFile
    parts = json.dumps(document.parts).encode()
    if len(parts) > MAX_FRAME_BYTES:
        raise FileTooDemanding
    fields = {
        "kind": "document",
        "document": document.kind,
        "part_name": document.part_name,
        "part_count": document.part_count,
        "is_scanned": document.is_scanned,
        "is_cut": document.is_cut,
    }
    return pack(fields, parts)


def _read(content: bytes, file_name: str) -> Document:
    if b"%PDF-" in content[:PDF_HEADER_WITHIN_BYTES]:
        return _read_pdf(content)
    if content.startswith(b"PK\x03\x04"):
        return _read_archive(XmlArchive(content))
    if content.startswith(OLE_HEADER):
        raise EncryptedFile if ENCRYPTED_PACKAGE in content else UnsupportedFile(READABLE)
    if content.startswith(b"{\\rtf"):
        return Document("RTF document", (rtf_to_text(content.decode("latin-1")),))
    if is_mail(content):
        return Document("e-mail", (mail_to_text(content),))
    return _read_text(decode_text(content), PurePath(file_name).suffix.lower())


def _read_text(text: str, suffix: str) -> Document:
    if suffix in {".html", ".htm", ".xhtml"} or HTML_START.match(text[:10_000]):
        return Document("web page", (html_to_text(text),))
    return Document("text", (text.strip("\n"),))


def _read_pdf(content: bytes) -> Document:
    try:
        from . import pages  # noqa: PLC0415  pypdfium2 may be missing
    except ImportError as exc:
        raise MediaNotInstalled("PDF files") from exc
    texts, count, is_cut = pages.read_pages(content, MAX_CHARACTERS)
    return Document("PDF", tuple(texts), "page", count, pages.is_scanned(texts), is_cut)


def _read_archive(archive: XmlArchive) -> Document:
    if "word/document.xml" in archive.names:
        return Document("Word document", (docx_to_text(archive),))
    if "xl/workbook.xml" in archive.names:
        sheets, count, is_cut = xlsx_to_sheets(archive)
        return Document("Excel file", tuple(sheets), "sheet", count, is_cut=is_cut)
    if {"content.xml", "mimetype"} <= archive.names:
        return Document("OpenDocument file", (opendocument_to_text(archive),))
    if not archive.names:
        raise EmptyFile
    raise UnsupportedFile(READABLE)


def _cut(document: Document) -> Document:
    """Leave out what is past the limit on characters."""
    kept, left = [], MAX_CHARACTERS
    for part in document.parts:
        # Some formats can say half a character, which nothing else can take.
        whole = part[:left].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        kept.append(whole)
        left -= len(kept[-1])
    is_cut = document.is_cut or sum(map(len, document.parts)) > MAX_CHARACTERS
    return Document(
        document.kind,
        tuple(kept),
        document.part_name,
        document.part_count,
        document.is_scanned,
        is_cut,
    )
