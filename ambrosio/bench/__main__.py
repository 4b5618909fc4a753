"""Run every measurement and print it."""

import asyncio

from .streaming import report

asyncio.run(report())
