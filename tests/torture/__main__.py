"""The long form: `make torture`, or `python -m tests.torture --kills 200 --seed 1`."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from .run import Plan, torture


def main() -> None:
    """Run a plan, print its report, and fail if there is a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=60.0, help="no kill comes after so long")
    parser.add_argument("--folder", type=Path, help="keep the data folder here")
    options = parser.parse_args()
    plan = Plan(options.seed, options.kills, options.people, minutes=options.minutes)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        report = asyncio.run(torture(plan, folder))
    print(f"seed {plan.seed}\n{report}")
    if report.faults:
        sys.exit(1)


main()
