"""What each MCP server offered when the owner allowed it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .database import Database


@dataclass(frozen=True, slots=True)
class AllowedTool:
    """A tool as the owner saw it; `fingerprint` is of all that its server said about it.

    One that `is_off` has changed since, and no owner has allowed the change.
    """

    server: str
    name: str
    description: str
    schema: Mapping[str, object] = field(hash=False)
    fingerprint: str = ""
    is_off: bool = False


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
                bool(row["is_off"]),
            )
            for row in self._database.read("SELECT * FROM mcp_tools ORDER BY server, place")
        ]

    def replace(self, server: str, tools: Iterable[AllowedTool]) -> None:
        """Allow these tools of a server, and no others of it."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM mcp_tools WHERE server = ?", (server,))
            db.executemany(
                "INSERT INTO mcp_tools VALUES (?, ?, ?, ?, ?, ?, 0)",
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

    def switch_off(self, server: str, names: Iterable[str]) -> bool:
        """Switch tools of a server off; say whether any of them was on."""
        with self._database.transaction() as db:
            done = [
                db.execute(
                    "UPDATE mcp_tools SET is_off = 1 WHERE server = ? AND name = ? AND NOT is_off",
                    (server, name),
                ).rowcount
                for name in names
            ]
        return any(done)

    def remove_off(self, server: str) -> None:
        """Forget that the tools that are off were ever allowed."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM mcp_tools WHERE server = ? AND is_off", (server,))
