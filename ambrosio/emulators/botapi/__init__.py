"""A Bot API server on loopback, and the users who write to the bot.

Start with `api`. It refuses what Telegram refuses and checks each call against the Bot API schema.
It keeps everything in memory. Imports `core` only.
"""
