"""The command line: one module for each verb.

Start with `main`. Imports everything. Holds no logic that another channel would need.
"""

import sys

# With rich installed, httpx loads its own command-line client, and with it rich and pygments: 3 MB
# that the bot never uses. This package is imported before anything that imports httpx.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None: the import fails
