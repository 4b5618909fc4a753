"""What each MCP server offered when the owner allowed it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .database import Database


@dataclass(frozen=True, slots=True)
class AllowedTool:
    """A tool as the owner saw it; `fingerprint` is of all that its server said about it."""

    server: str
    name: str
    description: str
    schema: Mapping[str, object] = field(hash=False)
    fingerprint: str = ""


class McpTools:
    """The tools of MCP servers that the owner has allowed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[AllowedTool]:
        """List them, by server and in the order of the settings."""
        return [
            AllowedTool(
                row["server"],
                row["name"],
                row["description"],
                json.loads(row["schema"]),
                row["fingerprint"],
            )
            for row in self._database.read("SELECT * FROM mcp_tools ORDER BY server, place")
        ]

    def replace(self, server: str, tools: Iterable[AllowedTool]) -> None:
        """Allow these tools of a server, and no others of it."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM mcp_tools WHERE server = ?", (server,))
            db.executemany(
                "INSERT INTO mcp_tools VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (
                        server,
                        place,
                        tool.name,
                        tool.description,
                        json.dumps(tool.schema),
                        tool.fingerprint,
                    )
                    for place, tool in enumerate(tools)
                ],
            )
