"""The body of a request with pictures, written piece by piece while it is sent.

An album is several megabytes; as one JSON text it would be in memory several times, for as long as
the answer takes. Here one picture at a time is.
"""

import json
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from typing import Any

from .request import ChatRequest, PictureReader


class PictureBody:
    """JSON with pictures as `data:` addresses; `length` is its size in bytes.

    A picture goes along as data, never as an address: Telegram's would give away the token, and a
    server fetches whatever address it is given.
    """

    def __init__(self, request: ChatRequest, more: Mapping[str, Any]) -> None:
        # Nobody can have written it into a message.
        mark = secrets.token_hex(16)
        text = json.dumps({**request.body_with(mark), **more})
        self._read: PictureReader = request.read_picture
        # Every other piece is the hash of a picture.
        self._pieces = text.split(mark)
        self.length = sum(
            _encoded_length(len(self._read(piece))) if number % 2 else len(piece)
            for number, piece in enumerate(self._pieces)
        )

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the pieces in order."""
        for number, piece in enumerate(self._pieces):
            yield b64encode(self._read(piece)) if number % 2 else piece.encode("ascii")


def _encoded_length(size: int) -> int:
    return (size + 2) // 3 * 4
