"""Why a model of our own cannot be served, in words for the person who has set it up."""


class ModelUnusable(Exception):
    """The model cannot be served: a clause on why, a sentence on what mends it.

    `lasting` tells what only the owner can mend from what may be better the next time.
    """

    def __init__(self, reason: str, mend: str, *, lasting: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.mend, self.lasting = reason, mend, lasting


def format_bytes(size: float) -> str:
    """Write a number of bytes as people do: 2.7 GB, 310 MB."""
    if size >= 999_500_000:
        return f"{size / 1e9:.1f} GB"
    return f"{max(1, round(size / 1e6))} MB"
