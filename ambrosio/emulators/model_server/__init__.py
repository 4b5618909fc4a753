"""A server that answers like llama.cpp or together.ai, without a model.

Start with `server`. It writes prepared answers, and goes wrong on request.
"""
