"""Encodes PNG files with the standard library only."""

import struct
import zlib


def encode_png(width: int, height: int, lines: bytes) -> bytes:
    """Encode 8-bit RGB pixels; each row of `lines` starts with a zero byte, PNG's filter type."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    blocks = (b"IHDR", header), (b"IDAT", zlib.compress(lines, 6)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_block(name, body) for name, body in blocks)


def _block(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
