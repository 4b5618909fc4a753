"""An MCP server for tests, by stdio or HTTP, of either era of the protocol, and its misbehaviour.

By stdio it is a program of its own: `python mcp_server.py {json of the fields}`.
"""

import json
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

META = "io.modelcontextprotocol/protocolVersion"
ADD: dict[str, Any] = {
    "name": "add",
    "description": "Add two numbers.",
    "inputSchema": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}


@dataclass
class FakeMcp:
    """Answers as its fields say.

    Attributes:
        era: "modern", "legacy", or "deaf" for a legacy one that does not answer `server/discover`.
        tools: what it offers.
        says: what a call of a tool returns; {} in it stands for the arguments.
        does: what it does at a call instead: "die", "hang", "babble", "flood" or "refuse".
        sse: whether it answers HTTP with events.
        log: what it was sent, where it is not a process of its own.
        log_file: the same, as lines in a file.
    """

    era: str = "modern"
    tools: list[Any] = field(default_factory=lambda: [ADD])
    says: str = "It is {}."
    does: str = ""
    sse: bool = False
    log: list[Any] = field(default_factory=list)
    log_file: str = ""
    session: str = ""

    def note(self, message):
        self.log.append(message)
        if self.log_file:
            with Path(self.log_file).open("a", encoding="utf-8") as file:
                file.write(json.dumps(message) + "\n")

    def answer(self, message):
        self.note(message)
        if "id" not in message:
            return None
        try:
            return {"jsonrpc": "2.0", "id": message["id"], "result": self.result(message)}
        except ValueError as exc:
            error = {"code": int(str(exc)), "message": "x" * 100}
            return {"jsonrpc": "2.0", "id": message["id"], "error": error}

    def result(self, message):
        method, params = message["method"], message.get("params", {})
        modern = META in params.get("_meta", {})
        if self.era != "modern" and (modern or method == "server/discover"):
            raise ValueError("-32600")
        if self.era == "modern" and (not modern or method == "initialize"):
            raise ValueError("-32602")
        if method == "server/discover":
            return {"supportedVersions": ["2026-07-28"], "resultType": "complete"}
        if method == "initialize":
            self.session = "session-1"
            return {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {}}
        if method == "tools/list":
            # A page for each tool.
            at = int(params.get("cursor", 0))
            more = {"nextCursor": str(at + 1)} if at + 1 < len(self.tools) else {}
            return {"tools": self.tools[at : at + 1], **more}
        if method == "tools/call":
            return self.call(params)
        raise ValueError("-32601")

    def call(self, params):
        if self.does == "refuse":
            raise ValueError("-32602")
        if self.does == "ask":
            return {"resultType": "input_required", "inputRequests": {}}
        text = self.says.replace("{}", json.dumps(params["arguments"]))
        if self.does == "flood":
            text = "x" * 2_000_000
        picture = {"type": "image", "data": "AAAA", "mimeType": "image/png"}
        content = [{"type": "text", "text": text}, *([picture] if self.does == "picture" else [])]
        return {"content": content, "isError": self.does == "fail"}

    def command(self):
        fields = {key: value for key, value in asdict(self).items() if key != "log"}
        return (sys.executable, "-S", __file__, json.dumps(fields))

    @asynccontextmanager
    async def serving(self):
        from starlette.applications import Starlette
        from starlette.responses import Response
        from starlette.routing import Route

        from ambrosio.emulators.loopback import serve_app

        async def post(request):
            self.headers = dict(request.headers)
            message = await request.json()
            is_known = request.headers.get("mcp-session-id") == self.session
            if self.session and not is_known and message["method"] != "initialize":
                return Response("", 404)
            found = self.answer(message)
            headers = {"Mcp-Session-Id": self.session} if self.session else {}
            if found is None:
                return Response("", 202, headers)
            body, status = json.dumps(found), 400 if "error" in found else 200
            if not self.sse:
                return Response(body, status, headers, "application/json")
            other = 'data: {"jsonrpc":"2.0","method":"notifications/message"}\n\n: ping\n\n'
            return Response(
                f"{other}event: message\ndata: {body}\n\n", 200, headers, "text/event-stream"
            )

        app = Starlette(routes=[Route("/mcp", post, methods=["POST"])])
        async with serve_app(app, grace_seconds=0) as url:
            yield f"{url}/mcp"


def main():
    server = FakeMcp(**json.loads(sys.argv[1]))
    for line in sys.stdin:
        message = json.loads(line)
        method = message.get("method")
        if server.era == "deaf" and method == "server/discover":
            continue
        if method == "tools/call":
            if server.does == "die":
                return
            if server.does == "hang":
                server.note(message)
                time.sleep(600)
            if server.does == "babble":
                print(
                    "no JSON", json.dumps({"id": "x", "method": "roots/list"}), sep="\n", flush=True
                )
        found = server.answer(message)
        if found:
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
