"""The Telegram side: polling, access, turns, drafts and delivery.

Start with `dispatcher`. Imports everything below it, and is the only package that imports
`telegram`. Decides nothing about models or money.
"""
