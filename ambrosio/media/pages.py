"""Reads and draws PDF files with pypdfium2 (PDFium); the child's only.

PDFium ends the process when memory runs out, which is one of the reasons for the child.
"""

import re
from collections.abc import Iterator
from contextlib import closing

import pypdfium2

from ..core.file_errors import DamagedFile, EmptyFile, EncryptedFile
from .pictures import draw_picture
from .protocol import Job

MAX_PAGES = 2_000
# Of a page; one of tables has about 10,000.
MAX_PAGE_CHARACTERS = 100_000
# From PDFium's public header: the password is wrong, or the way to encrypt is not known.
PASSWORD_ERROR, SECURITY_ERROR = 4, 5
# Some files have a page number or a stamp on each scanned page.
MIN_LETTERS_PER_PAGE = 12
LETTER = re.compile(r"[^\W\d_]")
# Arabic and its marks; the digits between them are written from left to right.
ARABIC_WORD = re.compile(r"[\u0610-\u061a\u0620-\u065f\u066e-\u06ef\u06fa-\u06ff\u0750-\u077f]{2,}")


def read_pages(content: bytes, max_characters: int) -> tuple[list[str], int, bool]:
    """Return the text of the pages that fit, how many there are, and whether some was left out."""
    with closing(_open(content)) as pdf:
        texts: list[str] = []
        left = max_characters
        is_cut = False
        for index in range(min(len(pdf), MAX_PAGES)):
            text, is_long = _page_text(pdf, index)
            is_cut = is_cut or is_long
            left -= len(text)
            if left < 0:
                break
            texts.append(text)
        return texts, len(pdf), is_cut or len(texts) < len(pdf)


def is_scanned(texts: list[str]) -> bool:
    """Say whether pages have too little text to be anything but pictures."""
    letters = sum(len(LETTER.findall(text)) for text in texts)
    return letters < MIN_LETTERS_PER_PAGE * len(texts)


def draw_page(job: Job) -> Iterator[bytes]:
    """Yield the frame with a page as a JPEG."""
    with closing(_open(job.content)) as pdf:
        if not 0 <= job.page < len(pdf):
            raise EmptyFile
        try:
            page = _page(pdf, job.page)
            width, height = page.get_size()
            scale = job.max_side / max(width, height, 1)
            image = page.render(scale=scale).to_pil()
        except pypdfium2.PdfiumError as exc:
            raise DamagedFile from exc
        yield draw_picture(image)


def _open(content: bytes) -> pypdfium2.PdfDocument:
    try:
        pdf = pypdfium2.PdfDocument(content)
        count = len(pdf)
    except pypdfium2.PdfiumError as exc:
        is_locked = exc.err_code in {PASSWORD_ERROR, SECURITY_ERROR}
        raise (EncryptedFile if is_locked else DamagedFile) from exc
    if not count:
        raise EmptyFile
    if pdf.get_formtype() != pypdfium2.raw.FORMTYPE_NONE:
        # Some programs leave it to the reader to draw what fields hold.
        pdf.init_forms()
    return pdf


def _page(pdf: pypdfium2.PdfDocument, index: int) -> pypdfium2.PdfPage:
    """Open a page with what was typed into it: in fields of a form, or as notes on top of it."""
    page = pdf[index]
    if not pypdfium2.raw.FPDFPage_GetAnnotCount(page.raw):
        return page
    pypdfium2.raw.FPDFPage_Flatten(page.raw, pypdfium2.raw.FLAT_NORMALDISPLAY)
    page.close()
    return pdf[index]


def _in_reading_order(text: str, text_page: pypdfium2.PdfTextPage) -> str:
    """Turn round the words that PDFium has left as they stand on the page, from left to right.

    It does so where each letter has a text of its own beside its shape, as Chromium gives Arabic.
    """
    if not ARABIC_WORD.search(text):
        return text
    codes = [
        pypdfium2.raw.FPDFText_GetUnicode(text_page, index)
        for index in range(text_page.count_chars())
    ]
    # The text leaves out shapes of which nobody knows what they mean.
    places = [index for index, code in enumerate(codes) if code][: len(text)]
    letters = [chr(codes[place]) for place in places]
    if "".join(letters) != text:
        return text
    for word in ARABIC_WORD.finditer(text):
        first, last = word.start(), word.end() - 1
        left, right = (text_page.get_charbox(places[at])[0] for at in (first, last))
        if left < right:
            letters[first : last + 1] = reversed(word[0])
    return "".join(letters)


def _page_text(pdf: pypdfium2.PdfDocument, index: int) -> tuple[str, bool]:
    """Return a page's text, and whether it has more; one that is damaged has none."""
    try:
        with closing(_page(pdf, index)) as page, closing(page.get_textpage()) as text_page:
            whole = text_page.count_chars()
            count = min(whole, MAX_PAGE_CHARACTERS)
            text: str = text_page.get_text_range(0, count) if count > 0 else ""
            text = _in_reading_order(text, text_page)
    except pypdfium2.PdfiumError:
        return "", False
    # PDFium marks a hyphen at the end of a line with a character that is none.
    text = text.replace("\r\n", "\n").replace("\ufffe\n", "").replace("\ufffe", "-").strip()
    return text, whole > count
