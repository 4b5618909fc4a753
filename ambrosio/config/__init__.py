"""Settings, provider configuration, the model catalogue, prompts and logging.

Start with `settings`. Imports `core` only. Builds no clients and makes no requests.
"""
