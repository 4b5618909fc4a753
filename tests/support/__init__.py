"""Helpers of the tests, one module for each outside thing, and where the files are."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
# For what takes a moment: on a machine with much else to do it takes many times as long. Less than
# pytest's own patience, so that a test that waits in vain can say for what.
PATIENCE_SECONDS = 60
