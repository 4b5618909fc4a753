"""Image generation: parse options, fit them to a model, send the request, validate the images.

Start with `client`. Imports `providers`, `config` and `core`. Does not choose a server, which is
`router.images`, and stores nothing, which is `store.images`.
"""
