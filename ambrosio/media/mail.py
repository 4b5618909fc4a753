"""Takes the text out of an e-mail (.eml). Pure."""

import codecs
import email
import email.errors
import email.policy
import re
from email.message import EmailMessage

from ..core.file_errors import DamagedFile, EmptyFile, UnsupportedFile
from .markup import html_to_text
from .text import decode_text

HEADERS = ("From", "To", "Cc", "Date", "Subject")
# The first line of a mail, by any program, and one that every mail has.
FIRST_LINE = re.compile(
    rb"(?:Return-Path|Received|Delivered-To|From|To|Date|Subject|MIME-Version|Message-ID|X-[\w-]+"
    rb"|DKIM-Signature|ARC-[\w-]+|Content-Type):\s",
    re.IGNORECASE,
)
SENDER_LINE = re.compile(rb"^From:\s", re.IGNORECASE | re.MULTILINE)
SAMPLE_BYTES = 32_768
MAIL_TYPE = "message/rfc822"
# How many e-mails may be attached to one another.
MAX_DEPTH = 4


def is_mail(content: bytes) -> bool:
    """Say whether a text begins as an e-mail does."""
    sample = content[:SAMPLE_BYTES].lstrip()
    head = re.split(rb"\r?\n\r?\n", sample, maxsplit=1)[0]
    return bool(FIRST_LINE.match(sample) and SENDER_LINE.search(head) and head.count(b":") > 2)


def mail_to_text(content: bytes) -> str:
    """Return the headers that matter, the text, and the names of what is attached.

    An e-mail that is attached, as one that was forwarded is, follows with all of this.
    """
    try:
        message = email.message_from_bytes(content, policy=email.policy.default)
        return "\n".join(_lines(message, MAX_DEPTH)).strip()
    except (email.errors.MessageError, LookupError, ValueError, TypeError, AttributeError) as exc:
        # The parser of the standard library stumbles over some of what it should only report.
        raise DamagedFile from exc


def _lines(message: EmailMessage, depth: int) -> list[str]:
    lines = [*_headers(message), "", _body(message), *_attachments(message)]
    for part in message.iter_attachments() if message.is_multipart() else ():
        if part.get_content_type() == MAIL_TYPE and depth:
            lines += ["", "Attached e-mail:", *_lines(_inner(part), depth - 1)]
    if message.get_content_type() == MAIL_TYPE and depth:
        lines += _lines(_inner(message), depth - 1)
    return lines


def _inner(part: EmailMessage) -> EmailMessage:
    payload = part.get_payload()
    if not isinstance(payload, list) or not isinstance(message := payload[0], EmailMessage):
        raise TypeError("no e-mail")
    return message


def _headers(message: EmailMessage) -> list[str]:
    return [f"{name}: {value}" for name in HEADERS if (value := message.get(name))]


def _body(message: EmailMessage) -> str:
    body = message.get_body(("plain", "html"))
    if not isinstance(body, EmailMessage):
        return ""
    text = _decode(body)
    return html_to_text(text) if body.get_content_subtype() == "html" else text.strip()


def _decode(part: EmailMessage) -> str:
    """Decode a text; where its encoding is not named, or unknown, the bytes decide."""
    charset = part.get_content_charset("")
    try:
        if charset and codecs.lookup(charset).name != "ascii":
            return str(part.get_content())
    except LookupError:
        pass
    payload = part.get_payload(decode=True)
    try:
        return decode_text(payload) if isinstance(payload, bytes) else ""
    except (EmptyFile, UnsupportedFile):
        # The headers and the names of what is attached still say something.
        return ""


def _attachments(message: EmailMessage) -> list[str]:
    lines = []
    for part in message.iter_attachments():
        if part.get_content_type() == MAIL_TYPE:
            continue
        name = part.get_filename() or "without a name"
        payload = part.get_payload(decode=True)
        size = len(payload) if isinstance(payload, bytes) else 0
        lines.append(f"- {name} ({part.get_content_type()}, {size:,} bytes)")
    return ["", "Attachments:", *lines] if lines else []
