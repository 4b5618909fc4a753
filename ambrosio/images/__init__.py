"""The options of `/imagine`, fitted to an image model, asked of a server, and checked.

Start with `client`. Imports `providers`, `config` and `core`. Does not choose a server and keeps
nothing: that is `router.images` and `store.images`.
"""
