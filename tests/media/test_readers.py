"""What other programs write into documents, read without a child: tables for each kind of file."""

import pytest

from ambrosio.media.mail import mail_to_text
from ambrosio.media.markup import html_to_text
from ambrosio.media.office import docx_to_text
from ambrosio.media.pages import read_pages
from ambrosio.media.spreadsheet import xlsx_to_sheets
from ambrosio.media.xml_archive import XmlArchive
from tests.support.document_files import arabic_pdf, archive, pdf_form, xlsx

WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def word(body, **more):
    members = {
        "word/document.xml": f"<w:document {WORD}><w:body>{body}</w:body></w:document>",
        **{
            f"word/{name}.xml": f"<w:{name} {WORD}>{text}</w:{name}>" for name, text in more.items()
        },
    }
    return docx_to_text(XmlArchive(archive(members)))


def run(text):
    return f"<w:r><w:t>{text}</w:t></w:r>"


def test_of_a_text_with_tracked_changes_the_new_version_is_read():
    body = (
        f"<w:p>{run('Rice ')}<w:del><w:r><w:delText>boils</w:delText></w:r></w:del>"
        f"<w:moveFrom>{run('slowly ')}</w:moveFrom><w:ins>{run('simmers ')}</w:ins>"
        f"<w:moveTo>{run('slowly')}</w:moveTo></w:p>"
    )

    assert word(body) == "Rice simmers slowly"


def test_notes_follow_the_text_and_are_marked_where_they_belong():
    reference = '<w:r><w:footnoteReference w:id="2"/></w:r>'
    separator = '<w:footnote w:type="separator" w:id="0"><w:p/></w:footnote>'
    note = f'<w:footnote w:id="2"><w:p>{run("Or tea.")}</w:p></w:footnote>'
    body = f"<w:p><w:r><w:t>Rice</w:t><w:noBreakHyphen/><w:t>cake</w:t></w:r>{reference}</w:p>"

    assert word(body, footnotes=separator + note) == (
        "Rice-cake[footnote 2]\n\n[footnote 2] Or tea."
    )


STYLES = (
    '<numFmts><numFmt numFmtId="164" formatCode="[h]:mm:ss"/>'
    '<numFmt numFmtId="165" formatCode="[Red]0.00"/></numFmts>'
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="46"/><xf numFmtId="164"/>'
    '<xf numFmtId="165"/></cellXfs>'
)
CELLS = {
    "a formula with its value": ("<c><f>1+2</f><v>3</v></c>", "3"),
    "a formula that was never computed": ("<c><f>SUM(A1:A2)</f></c>", "=SUM(A1:A2)"),
    "a formula with an empty text": ('<c t="str"><f>A1</f><v></v></c>', "=A1"),
    "hours that were counted": ('<c s="2"><v>1.25</v></c>', "30:00"),
    "the same, in a format of one's own": ('<c s="3"><v>0.0625</v></c>', "1:30"),
    "no hours": ('<c s="3"><v>soon</v></c>', "soon"),
    "a colour in brackets": ('<c s="4"><v>1.5</v></c>', "1.5"),
    "a date": ('<c s="1"><v>46353</v></c>', "2026-11-27"),
}


@pytest.mark.parametrize(("cell", "shown"), CELLS.values(), ids=CELLS)
def test_a_cell_is_read_as_it_is_shown(cell, shown):
    content = xlsx({"A": f"<row>{cell}</row>"}, styles=STYLES)

    assert xlsx_to_sheets(XmlArchive(content))[0] == [f"A\n{shown}"]


def test_dates_of_old_macs_count_from_1904():
    content = xlsx({"A": '<row><c s="1"><v>44891</v></c></row>'}, styles=STYLES, date1904="1")

    assert xlsx_to_sheets(XmlArchive(content))[0] == ["A\n2026-11-27"]


def test_what_was_typed_into_a_pdf_is_read():
    [text], _, _ = read_pages(pdf_form("Anna Bell", "see page two"), 1_000)

    assert text.split() == ["Anna", "Bell", "see", "page", "two"]


def test_arabic_words_are_read_from_right_to_left():
    [text], _, _ = read_pages(arabic_pdf("مرحبا"), 1_000)

    assert text == "Xمرحبا"


HEAD = b"From: a@x.org\r\nTo: b@x.org\r\nSubject: Rice\r\nMIME-Version: 1.0\r\n"
FORWARDED = b"From: c@x.org\r\nSubject: Tea\r\n\r\nAt four.\r\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\n\r\nSee below.\r\n"
PLAIN = HEAD + b"Content-Type: text/plain"
MAILS = {
    "no encoding, UTF-8": (HEAD + "\r\nGrüße".encode(), "Grüße"),
    "no encoding, Windows": (HEAD + "\r\nGrüße".encode("cp1252"), "Grüße"),
    "an unknown encoding": (PLAIN + "; charset=x-mine\r\n\r\nGrüße".encode("cp1252"), "Grüße"),
    "another encoding": (PLAIN + "; charset=koi8-r\r\n\r\nРис".encode("koi8-r"), "Рис"),
    "no text, but bytes": (PLAIN + b"\r\n\r\n" + bytes(range(1, 9)) * 9, "Subject: Rice"),
    "another e-mail attached": (
        MIXED + b"--B\r\nContent-Type: message/rfc822\r\n\r\n" + FORWARDED + b"--B--\r\n",
        "See below.\n\nAttached e-mail:\nFrom: c@x.org\nSubject: Tea\n\nAt four.",
    ),
    "nothing but another e-mail": (
        HEAD + b"Content-Type: message/rfc822\r\n\r\n" + FORWARDED,
        "From: c@x.org\nSubject: Tea\n\nAt four.",
    ),
    "an e-mail that is none": (
        MIXED + b"--B\r\nContent-Type: message/rfc822\r\n\r\n--B--\r\n",
        "See below.",
    ),
}


@pytest.mark.parametrize(("content", "end"), MAILS.values(), ids=MAILS)
def test_an_email_is_read_whatever_its_program_left_out(content, end):
    text = mail_to_text(content)

    assert text.startswith("From: a@x.org")
    assert text.rstrip().removesuffix("Attached e-mail:").rstrip().endswith(end)


def test_emails_within_emails_come_to_an_end():
    content = FORWARDED
    for _ in range(40):
        content = HEAD + b"Content-Type: message/rfc822\r\n\r\n" + content

    assert mail_to_text(content).count("From: a@x.org") == 5


def test_what_a_page_hides_is_not_read():
    page = '<div hidden>one</div><div style="display: none">two</div><div>three</div>'

    assert html_to_text(page) == "three"
