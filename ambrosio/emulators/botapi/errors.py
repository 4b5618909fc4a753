"""The Bot API's error responses."""


class BotApiError(Exception):
    """A call answered with `ok: false`, an error code and a description."""

    def __init__(self, code: int, description: str, retry_after: int | None = None) -> None:
        super().__init__(f"{code} {description}")
        self.code = code
        self.description = description
        self.retry_after = retry_after


def bad(description: str) -> BotApiError:
    """Return the most common error: 400, in Telegram's wording."""
    return BotApiError(400, f"Bad Request: {description}")
