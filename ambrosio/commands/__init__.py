"""What each /command and each button does.

Start with `registry`, the table from which `/help` and Telegram's menu are made. Imports
`assistant` and what lies below. A command returns a result; it sends nothing and knows no channel.
"""
