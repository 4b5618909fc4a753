"""A Bot API server on this machine, and the people who write to the bot.

Start with `api`. It refuses what Telegram refuses and checks each call against the schema of the
Bot API. What it keeps, it keeps in memory.
"""
