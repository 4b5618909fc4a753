"""SmolLM2, a real model of 135 million parameters, for tests of what a real one does."""

import pytest

from ambrosio.llama.toy_model import TOY_PACKAGE, find_toy

# Put above a test, or into `pytestmark`.
REAL_MODEL = [
    pytest.mark.real_model,
    pytest.mark.skipif(find_toy() is None, reason=f"{TOY_PACKAGE} or xllamacpp is not installed"),
]
# With these, the same question gets the same answer.
DETERMINISTIC = {"temperature": 0, "seed": 1}
