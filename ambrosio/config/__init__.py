"""What the owner has set: settings, provider rows, the model catalogue, prompts, logging.

Start with `settings`. Imports `core` only. Builds no client and asks no server.
"""
