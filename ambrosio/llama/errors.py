"""Why the local model cannot be served, worded for the owner."""


class ModelUnusable(Exception):
    """The model cannot be served: `reason` is a clause, `remedy` a sentence.

    `permanent` means that only the owner can fix it; otherwise the next try may succeed.
    """

    def __init__(self, reason: str, remedy: str, *, permanent: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.remedy, self.permanent = reason, remedy, permanent


def format_bytes(size: float) -> str:
    """Format a number of bytes in decimal units: 2.7 GB, 310 MB."""
    if size >= 999_500_000:
        return f"{size / 1e9:.1f} GB"
    return f"{max(1, round(size / 1e6))} MB"
