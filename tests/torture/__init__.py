"""The real bot, killed again and again while people write, and what became of every message."""
