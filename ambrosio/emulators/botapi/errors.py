"""The Bot API's error responses."""


class BotApiError(Exception):
    """A call answered with `ok: false`, an error code and a description."""

    def __init__(
        self,
        code: int,
        description: str,
        retry_after: int | None = None,
        migrate_to_chat_id: int | None = None,
    ) -> None:
        super().__init__(f"{code} {description}")
        self.code = code
        self.description = description
        self.retry_after = retry_after
        self.migrate_to_chat_id = migrate_to_chat_id

    def copy(self) -> "BotApiError":
        """Return another one to raise, without this one's traceback."""
        return BotApiError(self.code, self.description, self.retry_after, self.migrate_to_chat_id)

    @property
    def parameters(self) -> dict[str, int]:
        """The response's `parameters`."""
        given = {"retry_after": self.retry_after, "migrate_to_chat_id": self.migrate_to_chat_id}
        return {name: value for name, value in given.items() if value is not None}


def bad(description: str) -> BotApiError:
    """Return the most common error: 400, in Telegram's wording."""
    return BotApiError(400, f"Bad Request: {description}")
