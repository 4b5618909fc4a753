"""One turn, or one order for images, whatever the channel it came by.

Start with `answers`. Imports `router`, `images`, `store` and what lies below. Knows neither
Telegram nor the terminal.
"""
