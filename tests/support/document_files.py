"""Documents as people send them, and as people make them to do harm."""

import io
import zipfile
import zlib
from collections.abc import Mapping

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
SHEET = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
OFFICE = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
)


def archive(members: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return file.getvalue()


def docx(body: str, before: str = "") -> bytes:
    xml = f'<?xml version="1.0"?>{before}<w:document {W}><w:body>{body}</w:body></w:document>'
    return archive({"[Content_Types].xml": "<Types/>", "word/document.xml": xml})


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def opendocument(body):
    body = f"<office:body>{body}</office:body>"
    xml = f"<office:document-content {OFFICE}>{body}</office:document-content>"
    return archive({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": xml})


def xlsx(sheets, strings=(), styles="", date1904="0"):
    """Make an Excel file; `sheets` are the rows' XML by name."""
    names = "".join(
        f'<sheet name="{name}" sheetId="{at}" r:id="rId{at}"/>' for at, name in enumerate(sheets, 1)
    )
    links = "".join(
        f'<Relationship Id="rId{at}" Target="worksheets/sheet{at}.xml"/>'
        for at in range(1, len(sheets) + 1)
    )
    texts = "".join(f"<si><t>{text}</t></si>" for text in strings)
    members = {
        "xl/workbook.xml": f'<workbook {SHEET} {R}><workbookPr date1904="{date1904}"/>'
        f"<sheets>{names}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f"<Relationships>{links}</Relationships>",
        "xl/sharedStrings.xml": f"<sst {SHEET}>{texts}</sst>",
        "xl/styles.xml": f"<styleSheet {SHEET}>{styles}</styleSheet>",
    }
    for at, rows in enumerate(sheets.values(), 1):
        members[f"xl/worksheets/sheet{at}.xml"] = (
            f"<worksheet {SHEET}><sheetData>{rows}</sheetData></worksheet>"
        )
    return archive(members)


def _text_stream(text: str) -> bytes:
    return b"BT /F1 18 Tf 20 100 Td (%s) Tj ET" % text.encode("latin-1")


def pdf(*pages: str | bytes, extra: bytes = b"", filters: bytes = b"") -> bytes:
    """Make a PDF whose pages show these texts, or hold these content streams (bytes)."""
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[%s]/Count %d>>"
        % (b" ".join(b"%d 0 R" % (4 + 2 * at) for at in range(len(pages))), len(pages)),
        3: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    }
    for at, page in enumerate(pages):
        content = page if isinstance(page, bytes) else _text_stream(page)
        objects[4 + 2 * at] = (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents %d 0 R"
            b"/Resources<</Font<</F1 3 0 R>>>>>>" % (5 + 2 * at)
        )
        objects[5 + 2 * at] = b"<</Length %d%s>>stream\n%s\nendstream" % (
            len(content),
            filters,
            content,
        )
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in objects.items():
        places.append(len(out))
        out += b"%d 0 obj%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer<</Size %d/Root 1 0 R%s>>\n" % (len(objects) + 1, extra)
    return bytes(out + b"startxref\n%d\n%%%%EOF" % start)


def pdf_form(value: str, note: str) -> bytes:
    """Make a PDF with a text field that its reader has to draw, and a note on top of the page."""
    stream = b"BT /F1 9 Tf 2 2 Td (%s) Tj ET" % note.encode("latin-1")
    field = b"/FT/Tx/T(name)/V(%s)/DA(/F1 9 Tf)/Rect[20 99 200 120]" % value.encode("latin-1")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]/DR<</Font<</F1 5 0 R>>>>>>>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Annots[4 0 R 6 0 R]>>",
        b"<</Type/Annot/Subtype/Widget%s/F 4/P 3 0 R>>" % field,
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Type/Annot/Subtype/FreeText/F 4/P 3 0 R/Rect[20 20 200 40]/AP<</N 7 0 R>>>>",
        b"<</Type/XObject/Subtype/Form/BBox[0 0 180 20]/Resources<</Font<</F1 5 0 R>>>>"
        b"/Length %d>>stream\n%s\nendstream" % (len(stream), stream),
    ]
    body = b"".join(b"%d 0 obj%s\nendobj\n" % (at, item) for at, item in enumerate(objects, 1))
    # Without a table of its objects, PDFium looks for them.
    return b"%PDF-1.7\n" + body + b"trailer<</Root 1 0 R>>\n%%EOF"


def arabic_pdf(word: str) -> bytes:
    """Make a PDF as Chromium does: each letter with its text beside it, from left to right."""
    content = b"".join(
        b"/Span<</ActualText <FEFF%04X>>> BDC (%s) Tj EMC " % (ord(letter), shape.encode())
        for letter, shape in zip(reversed(word), "ABCDEFGHIJ", strict=False)
    )
    # A shape of which nobody knows what it means comes first.
    return pdf(b"BT /F1 18 Tf 20 100 Td (\\000X) Tj " + content + b"ET")


LOCKED = (
    b"/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<" + b"ab" * 32 + b">/U<" + b"cd" * 32 + b">>>"
    b"/ID[<00><00>]"
)


def zeros(megabytes, header=True):
    """Compress zeros without making them: the same compressed megabyte again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS if header else -zlib.MAX_WBITS)
    first = packer.compress(b" " * 1_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(b" " * 1_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
    return first + again * (megabytes - 1) + packer.flush(zlib.Z_FINISH)
