"""Run every measurement and print it."""

import asyncio

from benchmarks import formatting, hearing, sight, stopping, streaming


async def main() -> None:
    """Run one measurement after the other, so that they do not disturb each other."""
    await streaming.report()
    await stopping.report()
    await sight.report()
    await hearing.report()
    formatting.report()


asyncio.run(main())
