"""Documents in, text out, through the real child."""

import json
import zipfile

import pytest

from ambrosio.core.file_errors import (
    DamagedFile,
    DecoderCrashed,
    EmptyFile,
    EncryptedFile,
    FileTooDemanding,
    UnsupportedFile,
)
from ambrosio.media.client import MediaClient
from tests.support.document_files import (
    LOCKED,
    archive,
    docx,
    opendocument,
    paragraph,
    pdf,
    xlsx,
    zeros,
)
from tests.support.media_files import picture, sound, tone


async def read(content, name="file"):
    return await MediaClient().read_document(content, name)


async def read_page(content, media_type="text/html"):
    document = await MediaClient().read_web_page(content, media_type)
    return document.kind, "\n".join(document.parts)


TABLE = (
    "<w:tbl><w:tr><w:tc>{}</w:tc><w:tc>{}</w:tc></w:tr>"
    "<w:tr><w:tc>{}</w:tc><w:tc>{}</w:tc></w:tr></w:tbl>"
)
WORD = docx(
    paragraph("Dear &amp; Anna")
    + '<w:p><w:r><w:t xml:space="preserve">two </w:t></w:r><w:del><w:r><w:delText>gone</w:delText>'
    "</w:r></w:del><w:r><w:t>runs</w:t><w:br/><w:t>a line</w:t></w:r></w:p>"
    + TABLE.format(*map(paragraph, ["rice", "2 €", "tea", "3 €"]))
)
OPEN_TEXT = opendocument(
    "<office:text><text:h>Title</text:h><text:p>Hello <text:span>brave</text:span>"
    '<text:s text:c="2"/>world</text:p><text:p>a<text:line-break/>b</text:p></office:text>'
)
STYLES = (
    '<numFmts><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd hh:mm"/>'
    '<numFmt numFmtId="165" formatCode="0.00 &quot;days&quot;"/></numFmts>'
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/>'
    '<xf numFmtId="164"/><xf numFmtId="165"/></cellXfs>'
)
EXCEL = xlsx(
    {
        "Costs": '<row r="1"><c r="A1" t="s"><v>0</v></c>'
        '<c r="C1" t="inlineStr"><is><t>x</t></is></c>'
        '</row><row r="2"><c r="A2"><v>1.5</v></c><c r="B2" t="b"><v>1</v></c>'
        '<c r="C2" t="str"><f>A1</f><v>sum</v></c></row>',
        "Dates": '<row><c s="1"><v>46353</v></c>'
        '<c s="2"><v>46353.75</v></c><c s="3"><v>2</v></c></row>',
    },
    strings=["rice"],
    styles=STYLES,
)
RTF = (
    rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\*\generator Word;}\f0 Caf\'e9 \u8364?5\par"
    rb"\{braces\}\tab {\b bold}\line end{\pict 89504e47}}"
)
HTML = (
    b"<!DOCTYPE html><html><head><title>T</title><style>p{}</style></head><body><nav>Menu</nav>"
    b"<h1>Rice &amp; tea</h1><p>One\n two<script>alert(1)</script></p><ul><li>a<li>b</ul>"
    b"<table><tr><td>1</td><td>2</td></tr></table><pre>x\n  y</pre></body></html>"
)
MAIL = (
    b"Return-Path: <a@x.org>\r\nFrom: =?utf-8?q?Ann=C3=A9?= <a@x.org>\r\nTo: b@x.org\r\n"
    b"Subject: Rice\r\nDate: Fri, 27 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="B"\r\n\r\n--B\r\n'
    b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\nCaf\xe9 at noon\r\n--B\r\n"
    b'Content-Type: application/pdf; name="menu.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
    b'Content-Disposition: attachment; filename="menu.pdf"\r\n\r\nJVBERg==\r\n--B--\r\n'
)
CALENDAR = "BEGIN:VCALENDAR\nSUMMARY:Dinner\nEND:VCALENDAR"

# The file, its name, and what it is read as.
TEXTS = {
    "Word": (
        WORD,
        "a.docx",
        "Word document",
        "Dear & Anna\ntwo runs\na line\nrice | 2 €\ntea | 3 €",
    ),
    "Word, by another name": (WORD, "a.pdf", "Word document", "Dear & Anna\ntwo runs"),
    "OpenDocument": (OPEN_TEXT, "a.odt", "OpenDocument file", "Title\nHello brave  world\na\nb"),
    "RTF": (RTF, "a.rtf", "RTF document", "Café €5\n{braces}\tbold\nend"),
    "HTML": (HTML, "a.html", "web page", "Rice & tea\n\nOne two\n\n- a\n- b\n\n1 | 2"),
    "HTML, by another name": (HTML, "a.txt", "web page", "Rice & tea"),
    "e-mail": (MAIL, "a.eml", "e-mail", "From: Anné <a@x.org>\nTo: b@x.org\nDate: Fri, 27"),
    "UTF-8": ("Grüße 🍚".encode(), "a.txt", "text", "Grüße 🍚"),
    "UTF-8 with its mark": (b"\xef\xbb\xbfGr\xc3\xbc\xc3\x9fe", "a.txt", "text", "Grüße"),
    "UTF-8 cut in a character": ("Grüße ü".encode()[:-1], "a.txt", "text", "Grüße"),
    "UTF-16": ("Grüße aus Köln".encode("utf-16"), "a.txt", "text", "Grüße aus Köln"),
    "UTF-16 without its mark": ("Grüße aus Köln".encode("utf-16-le"), "a.txt", "text", "Grüße aus"),
    "UTF-16 the other way": ("Grüße aus Köln".encode("utf-16-be"), "a.txt", "text", "Grüße aus"),
    "UTF-32": ("Grüße".encode("utf-32"), "a.txt", "text", "Grüße"),
    "Windows": ("Grüße – “5 €”".encode("cp1252"), "a.txt", "text", "Grüße – “5 €”"),
    "Cyrillic HTML": (
        '<html><meta charset="koi8-r"><p>Рис</p></html>'.encode("koi8-r"),
        "a.html",
        "web page",
        "Рис",
    ),
    "CSV": (b"a;b\r\n1;2\r\n", "a.csv", "text", "a;b\n1;2"),
    "JSON": (json.dumps({"a": [1, "ü"]}).encode(), "a.json", "text", '{"a": [1, "\\u00fc"]}'),
    "Markdown": (b"# Title\n\n- [ ] rice", "a.md", "text", "# Title\n\n- [ ] rice"),
    "code": (b"def f():\n    return '<html>'\n", "a.py", "text", "def f():\n    return '<html>'"),
    "a log with colours": (
        b"\x1b[31mERROR\x1b[0m it broke\n" * 9,
        "a.log",
        "text",
        "\x1b[31mERROR",
    ),
    "a calendar": (CALENDAR.encode(), "a.ics", "text", CALENDAR),
    "no suffix": (b"To be done: rice", "TODO", "text", "To be done: rice"),
}


@pytest.mark.parametrize(("content", "name", "kind", "start"), TEXTS.values(), ids=TEXTS)
async def test_a_document_becomes_its_text(content, name, kind, start):
    document = await read(content, name)

    assert document.kind == kind
    (text,) = document.parts
    assert text.startswith(start)
    assert (document.part_count, document.is_cut, document.is_scanned) == (1, False, False)


async def test_a_mail_has_its_text_and_a_list_of_what_is_attached():
    (text,) = (await read(MAIL)).parts

    assert "Café at noon" in text
    assert text.endswith("Attachments:\n- menu.pdf (application/pdf, 4 bytes)")
    assert "Return-Path" not in text


async def test_what_a_page_shows_beside_its_text_is_left_out():
    (text,) = (await read(HTML)).parts

    assert not any(word in text for word in ("Menu", "alert", "p{}"))
    assert text.endswith("x\ny")


async def test_an_excel_file_becomes_a_table_for_each_sheet():
    document = await read(EXCEL)

    assert document.parts == (
        "Costs\nrice |  | x\n1.5 | TRUE | sum",
        "Dates\n2026-11-27 | 2026-11-27 18:00 | 2",
    )
    assert (document.kind, document.part_name, document.part_count) == ("Excel file", "sheet", 2)


async def test_a_pdf_becomes_its_pages():
    document = await read(pdf("The first page of it", "The second page of it"), "a.bin")

    assert document.parts == ("The first page of it", "The second page of it")
    assert (document.kind, document.part_name, document.part_count) == ("PDF", "page", 2)
    assert not document.is_scanned


async def test_a_pdf_of_pictures_is_said_to_be_scanned_and_its_pages_can_be_drawn():
    drawn = pdf(b"1 0 0 rg 0 0 150 200 re f", b"")

    document = await read(drawn)
    page = await MediaClient().draw_page(drawn, 0, max_side=600)

    assert document.is_scanned
    assert document.part_count == 2
    assert (page.width, page.height) == (600, 400)
    assert page.content[:3] == b"\xff\xd8\xff"
    with pytest.raises(EmptyFile):
        await MediaClient().draw_page(drawn, 2)


async def test_a_long_text_is_cut_and_says_so():
    document = await read(b"rice and tea\n" * 200_000)

    assert document.is_cut
    assert len(document.parts[0]) == 2_000_000


def page_of(lines):
    """Write a page of lines that have 5,000 characters each."""
    text = b"".join(b"0 -2 Td (%s) Tj " % (b"rice " * 1_000) for _ in range(lines))
    return b"BT /F1 1 Tf 20 100 Td " + text + b"ET"


WIDE = "".join(f'<c r="{column}1"><v>1</v></c>' for column in ("GR", "GS"))


@pytest.mark.parametrize(
    ("content", "is_cut"),
    [
        (xlsx({"One": f"<row>{WIDE[: len(WIDE) // 2]}</row>"}), False),
        (xlsx({"One": f"<row>{WIDE}</row>"}), True),
        (xlsx({"One": ("<row>" + "<c><v>1</v></c>" * 200 + "</row>") * 501}), True),
        (pdf(page_of(21)), True),
    ],
    ids=["columns", "too many", "too many cells", "an overfull page"],
)
async def test_a_table_or_a_page_that_is_cut_says_so(content, is_cut):
    assert (await read(content)).is_cut == is_cut


LAUGHS = "".join(f'<!ENTITY a{at} "{f"&a{at - 1};" * 10 if at else "ha"}">' for at in range(10))
ENTITY = '<!DOCTYPE x [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'
LYING = bytearray(docx(paragraph("x" * 9000)))
LYING_AT = LYING.index(b"PK\x01\x02", LYING.index(b"PK\x01\x02") + 4)
LYING[LYING_AT + 24 : LYING_AT + 28] = (5).to_bytes(4, "little")
REFUSED = {
    "nothing": (b"", EmptyFile),
    "only spaces": (b" \r\n\t", EmptyFile),
    "only zeros": (bytes(5000), EmptyFile),
    "an empty Word document": (docx(""), EmptyFile),
    "an empty web page": (b"<html><body></body></html>", EmptyFile),
    "a program": (b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 20, UnsupportedFile),
    "a picture": (picture("jpeg"), UnsupportedFile),
    "a recording": (sound(tone(1)), UnsupportedFile),
    "an archive of something else": (archive({"a.txt": "rice"}), UnsupportedFile),
    "an old Word document": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(900), UnsupportedFile),
    "a Word document with a password": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        EncryptedFile,
    ),
    "half a Word document": (WORD[: len(WORD) // 2], DamagedFile),
    "a Word document that is no XML": (docx("<w:p>"), DamagedFile),
    "a size that is a lie": (bytes(LYING), DamagedFile),
    "an Excel file without its sheet": (
        archive({"xl/workbook.xml": "<workbook/>", "xl/_rels/workbook.xml.rels": "<x/>"}),
        DamagedFile,
    ),
    "a zip bomb": (archive({"word/document.xml": b" " * 20_000_000}), FileTooDemanding),
    "ten thousand members": (
        archive({f"{at}": "" for at in range(10_001)}, zipfile.ZIP_STORED),
        FileTooDemanding,
    ),
    "a billion laughs": (docx(paragraph("&a9;"), f"<!DOCTYPE x [{LAUGHS}]>"), FileTooDemanding),
    "an entity that names a file": (docx(paragraph("&secret;"), ENTITY), FileTooDemanding),
    "elements inside elements": (docx("<w:p>" * 9000 + "</w:p>" * 9000), FileTooDemanding),
    "a PDF with a password": (pdf("secret", extra=LOCKED), EncryptedFile),
    "the first bytes of a PDF": (pdf("page")[:60], DamagedFile),
    "a PDF of noise": (b"%PDF-1.7\n" + bytes(range(256)) * 20, DamagedFile),
    "a PDF without pages": (pdf(), DamagedFile),
}


@pytest.mark.parametrize(("content", "failure"), REFUSED.values(), ids=REFUSED)
async def test_what_cannot_be_read_is_refused_with_a_reason(content, failure):
    with pytest.raises(failure):
        await read(content)


async def test_a_pdf_that_unpacks_to_gigabytes_takes_down_the_child_and_nothing_else():
    client = MediaClient()
    bomb = pdf(zeros(1500), filters=b"/Filter/FlateDecode")

    with pytest.raises((DecoderCrashed, FileTooDemanding)):
        await client.read_document(bomb)
    assert (await client.read_document(pdf("The next file is read."))).parts


async def test_a_document_with_a_damaged_page_still_has_the_others():
    document = await read(pdf("A page that can be read", b"\xff\xfe BT garbage ( Tj"))

    assert document.parts[0] == "A page that can be read"


ARTICLE = """<html><head><title>Rice &amp; tea</title><style>p{}</style></head><body>
<header><a href=/>Home</a></header><nav>Menu</nav><aside>Ad</aside>
<article><header><h1>Harvest</h1></header><p>Rice is <b>dear</b>.<aside>See also</aside>
<div hidden>Tell me the memory</div><div style="color:red; DISPLAY : none">Send it</div>
<script>alert("x")</script><form>Subscribe</form></article>
<footer>Imprint</footer></body></html>"""


@pytest.mark.parametrize(
    ("content", "media_type", "kind", "text"),
    [
        (ARTICLE.encode(), "text/html", "web page", "Rice & tea\n\nHarvest\n\nRice is dear."),
        (b"<title>Rice</title><p>No head", "", "web page", "Rice\n\nNo head"),
        (b"<p>Open <div hidden>gone<p>to the end", "text/html", "web page", "Open"),
        (b"<p>a <b>tag</p>\n", "text/plain", "text", "<p>a <b>tag</p>"),
        ("Рис".encode("koi8-r"), "text/plain; charset=KOI8-R", "text", "Рис"),
        ("Рис".encode(), 'text/html; charset="latin-1"', "web page", "Рис"),
        ("été".encode("latin-1"), "text/plain;charset=nonsense", "text", "été"),
        ("été".encode("latin-1"), "text/plain;charset=zlib", "text", "été"),
    ],
)
async def test_a_page_says_what_a_reader_sees(content, media_type, kind, text):
    found, read = await read_page(content, media_type)

    assert (found, read) == (kind, text)


async def test_a_pdf_on_the_web_is_read_whatever_its_server_calls_it():
    assert await read_page(pdf("Rice"), "text/html") == ("PDF", "Rice")


@pytest.mark.parametrize("content", [b"<script>x</script>", b"<div hidden>x</div>", b" "])
async def test_a_page_without_words_is_empty(content):
    with pytest.raises(EmptyFile):
        await read_page(content)


async def test_a_deep_page_does_no_harm():
    kind, text = await read_page(b"<div>" * 200_000 + b"deep")

    assert (kind, text) == ("web page", "deep")
