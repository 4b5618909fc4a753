"""Decodes what people send, in a child process: sound, pictures and documents.

Start at `client`, which the bot uses; `__main__` is the child, one for each job, and `protocol` is
what the two say to each other. A file made to do harm kills the child and not the bot. Only the
child's modules import PyAV (`sound`), Pillow (`pictures`) and pypdfium2 (`pages`), so the package
can be imported without them.

It may import `core`. It asks no model and sends nothing.
"""
