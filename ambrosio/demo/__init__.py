"""Ambrosio in the browser, without Telegram: a page, its session, and the bot's process.

Start with `run`. Imports `emulators` and what lies below `bot`. The bot itself runs as its own
process, exactly as it does for Telegram.
"""
