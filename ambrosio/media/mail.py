"""Takes the text out of an e-mail (.eml). Pure."""

import email
import email.errors
import email.policy
import re
from email.message import EmailMessage

from ..core.file_errors import DamagedFile
from .markup import html_to_text

HEADERS = ("From", "To", "Cc", "Date", "Subject")
# The first line of a mail, by any program, and one that every mail has.
FIRST_LINE = re.compile(
    rb"(?:Return-Path|Received|Delivered-To|From|To|Date|Subject|MIME-Version|Message-ID|X-[\w-]+"
    rb"|DKIM-Signature|ARC-[\w-]+|Content-Type):\s",
    re.IGNORECASE,
)
SENDER_LINE = re.compile(rb"^From:\s", re.IGNORECASE | re.MULTILINE)
SAMPLE_BYTES = 32_768


def is_mail(content: bytes) -> bool:
    """Say whether a text begins as an e-mail does."""
    sample = content[:SAMPLE_BYTES].lstrip()
    head = re.split(rb"\r?\n\r?\n", sample, maxsplit=1)[0]
    return bool(FIRST_LINE.match(sample) and SENDER_LINE.search(head) and head.count(b":") > 2)


def mail_to_text(content: bytes) -> str:
    """Return the headers that matter, the text, and the names of what is attached."""
    try:
        message = email.message_from_bytes(content, policy=email.policy.default)
        return "\n".join([*_headers(message), "", _body(message), *_attachments(message)]).strip()
    except (email.errors.MessageError, LookupError, ValueError, TypeError, AttributeError) as exc:
        # The parser of the standard library stumbles over some of what it should only report.
        raise DamagedFile from exc


def _headers(message: EmailMessage) -> list[str]:
    return [f"{name}: {value}" for name in HEADERS if (value := message.get(name))]


def _body(message: EmailMessage) -> str:
    body = message.get_body(("plain", "html"))
    if not isinstance(body, EmailMessage):
        return ""
    text = str(body.get_content())
    return html_to_text(text) if body.get_content_subtype() == "html" else text.strip()


def _attachments(message: EmailMessage) -> list[str]:
    lines = []
    for part in message.iter_attachments():
        name = part.get_filename() or "without a name"
        payload = part.get_payload(decode=True)
        size = len(payload) if isinstance(payload, bytes) else 0
        lines.append(f"- {name} ({part.get_content_type()}, {size:,} bytes)")
    return ["", "Attachments:", *lines] if lines else []
