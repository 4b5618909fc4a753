"""Ambrosio without Telegram: a Bot API server on this machine, and the people who write to it."""
