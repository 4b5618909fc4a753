"""Values, errors and pure rules that every other package may use.

Start with `messages`: the values that cross package borders. Imports nothing of ours, and does no
I/O: no clock, no network, no files.
"""
