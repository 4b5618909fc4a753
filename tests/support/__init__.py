"""Helpers of the tests, one module for each outside thing, and where the files are."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
