"""A server that answers like llama.cpp or together.ai, without a model.

Start with `server`. It sends scripted answers and fails on request. Imports `core` only; it runs no
model.
"""
