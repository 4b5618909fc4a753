"""Opens ZIP archives of XML, which DOCX, OpenDocument and XLSX files are, and reads them warily.

Every number in an archive may be a lie, so sizes are checked before a member is read and while it
is, and XML that defines entities or names other files is refused.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from xml.parsers import expat

from ..core.file_errors import DamagedFile, EncryptedFile, FileTooDemanding, UnsupportedFile
from .text import READABLE

MAX_MEMBERS = 10_000
MAX_MEMBER_BYTES = 128_000_000
MAX_UNPACKED_BYTES = 256_000_000
# Text packs to a tenth, a megabyte of zeros to a thousandth. What is small may do so.
MAX_RATIO = 250
RATIO_COUNTS_FROM_BYTES = 4_000_000
MAX_DEPTH = 500
READ_BYTES = 65_536
ENCRYPTED_FLAG = 0x1


class XmlReader:
    """Is told what an XML file holds; names come without their namespaces."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Take the beginning of an element."""

    def text(self, text: str) -> None:
        """Take text, perhaps a part of it only."""

    def end(self, name: str) -> None:
        """Take the end of an element."""


class XmlArchive:
    """An archive that is harmless by its directory."""

    def __init__(self, content: bytes) -> None:
        """Open it, or raise `DamagedFile`, `EncryptedFile` or `FileTooDemanding`."""
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
            members = self._zip.infolist()
        except (zipfile.BadZipFile, ValueError, OSError, EOFError) as exc:
            raise DamagedFile from exc
        self.names = {member.filename for member in members}
        if any(member.flag_bits & ENCRYPTED_FLAG for member in members):
            raise EncryptedFile
        unpacked = sum(member.file_size for member in members)
        if len(members) > MAX_MEMBERS or unpacked > MAX_UNPACKED_BYTES:
            raise FileTooDemanding
        if any(_is_bomb(member) for member in members):
            raise FileTooDemanding

    def read(self, name: str, reader: XmlReader) -> None:
        """Read a member, or raise `FileError`; one that is missing is `DamagedFile`."""
        if name not in self.names:
            raise DamagedFile
        parse_xml(self._chunks(name), reader)

    def read_if_there(self, name: str, reader: XmlReader) -> None:
        """Read a member that not every archive has."""
        if name in self.names:
            self.read(name, reader)

    def _chunks(self, name: str) -> Iterator[bytes]:
        size = 0
        try:
            with self._zip.open(name) as member:
                while chunk := member.read(READ_BYTES):
                    size += len(chunk)
                    if size > MAX_MEMBER_BYTES:
                        raise FileTooDemanding
                    yield chunk
        except NotImplementedError as exc:
            raise UnsupportedFile(READABLE) from exc
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as exc:
            raise DamagedFile from exc


def _is_bomb(member: zipfile.ZipInfo) -> bool:
    ratio = member.file_size / max(1, member.compress_size)
    is_large = member.file_size > RATIO_COUNTS_FROM_BYTES
    return member.file_size > MAX_MEMBER_BYTES or (is_large and ratio > MAX_RATIO)


def parse_xml(chunks: Iterator[bytes], reader: XmlReader) -> None:
    """Parse XML, or raise `DamagedFile`, or `FileTooDemanding` if it is built to do harm."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise FileTooDemanding
        reader.start(_local(name), {_local(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        reader.end(_local(name))

    def refuse(*_: object) -> None:
        # A document type can define entities that multiply, or that name other files.
        raise FileTooDemanding

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = refuse
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as exc:
        raise DamagedFile from exc


def _local(name: str) -> str:
    return name.rpartition(":")[2]
