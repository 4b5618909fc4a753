"""Run every measurement and print it."""

import asyncio

from benchmarks import formatting, stopping, streaming


async def main() -> None:
    """Measure one after the other, so that nothing disturbs anything."""
    await streaming.report()
    await stopping.report()
    formatting.report()


asyncio.run(main())
