"""Telegram and the model servers, emulated on loopback for the demo, the tests and benchmarks.

`botapi` stands in for Telegram, `model_server` for llama.cpp and together.ai. Imports `core` only;
the product never imports it, except to run the demo.
"""

from typing import Any

Json = dict[str, Any]
