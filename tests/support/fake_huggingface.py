"""A Hugging Face of our own on loopback: one model, and lines that break off in the middle."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FakeHuggingFace:
    """Files by repository, and how far each of the next downloads gets before its line breaks.

    With `stalls` the line does not break there, it only falls silent. `ranges` is what was asked.
    """

    files: dict[str, dict[str, bytes]]
    breaks: list[int] = field(default_factory=list)
    stalls: bool = False
    gated: bool = False
    promised: str = ""
    ranges: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        request, *lines = head.split("\r\n")
        method, target, _ = request.split()
        headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
        # As a proxy it is asked for a whole address.
        path = urlsplit(target).path
        status, more, body = self._answer(path, headers)
        wanted = more.pop("range", None) if method == "GET" else None
        broken = None
        if wanted is not None:
            self.ranges.append(wanted)
            broken = self.breaks.pop(0) if self.breaks else None
        more["content-length"] = str(len(body))
        more["connection"] = "close"
        fields = "".join(f"{name}: {value}\r\n" for name, value in more.items())
        writer.write(f"HTTP/1.1 {status}\r\n{fields}\r\n".encode())
        if method == "GET":
            writer.write(body[:broken])
        with contextlib.suppress(ConnectionError):
            await writer.drain()
            if self.stalls and broken is not None:
                await reader.read()
        writer.close()

    def _answer(self, path: str, headers: dict[str, str]) -> tuple[str, dict[str, str], bytes]:
        repo = next((repo for repo in self.files if f"/{repo}" in path), "")
        if not repo:
            return "404 Not Found", {"x-error-code": "RepoNotFound"}, b"{}"
        if self.gated:
            return "403 Forbidden", {"x-error-code": "GatedRepo"}, b"{}"
        files = self.files[repo]
        if path.startswith("/api/models/"):
            listed = [self._listed(name, content) for name, content in files.items()]
            found = {"id": repo, "sha": COMMIT, "siblings": listed}
            return "200 OK", {"content-type": "application/json"}, json.dumps(found).encode()
        name = path.rpartition("/")[2]
        return self._file(files[name], headers)

    def _listed(self, name: str, content: bytes) -> dict[str, object]:
        sha256 = self.promised or hashlib.sha256(content).hexdigest()
        lfs = {"sha256": sha256, "size": len(content), "pointerSize": 130}
        return {"rfilename": name, "size": len(content), "blobId": COMMIT, "lfs": lfs}

    def _file(self, content: bytes, headers: dict[str, str]) -> tuple[str, dict[str, str], bytes]:
        etag = hashlib.sha256(content).hexdigest()
        known = {"etag": f'"{etag}"', "x-repo-commit": COMMIT, "accept-ranges": "bytes"}
        known["range"] = headers.get("range", "")
        if not known["range"]:
            return "200 OK", known, content
        start = int(known["range"].removeprefix("bytes=").partition("-")[0])
        known["content-range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return "206 Partial Content", known, content[start:]
