"""How long rendering Markdown takes, for ordinary and for pathological answers."""

import time

from ambrosio.markdown import preview, render

PROSE = "Some **bold** text with `code` and [a link](https://example.org/x).\n\n- one\n- two\n\n"
CASES = {
    "20 kB of an answer": (PROSE * 300)[:20_000],
    "5,000 brackets": "[" * 5000,
    "2,500 open formulas": r"\(" * 2500,
    "5,000 dollars": "$" * 5000,
    "2,500 open bolds": "**a " * 2500,
    "a table of 1,500 rows": "|a|b|\n|-|-|\n" + "|x|y|\n" * 1500,
    "3,000 nested quotes": "> " * 3000 + "x",
}


def report() -> None:
    """Print the table."""
    print(f"\n{'Formatting':24}{'render':>10}{'preview':>10}")
    for name, text in CASES.items():
        times = []
        for function in (render, preview):
            start = time.perf_counter()
            function(text)
            times.append((time.perf_counter() - start) * 1000)
        print(f"{name:24}{times[0]:>7.0f} ms{times[1]:>7.0f} ms")
