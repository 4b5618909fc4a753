"""Counters for Prometheus, on loopback or a Unix socket; off unless `AMBROSIO_METRICS` is set.

What is counted has no words, no ids and no names of people in it. Counters begin at zero with the
process, as Prometheus expects.
"""

import asyncio
import logging
import os
import resource
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from .. import __version__
from ..commands.context import BotContext
from ..core.errors import StoreFailed

log = logging.getLogger(__name__)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
REQUEST_SECONDS = 5
# A page in a browser can reach loopback too, under a name of its own (DNS rebinding).
HOSTS = ("127.0.0.1", "localhost", "[::1]")
# name, type, samples: labels and a value each.
Metric = tuple[str, str, Iterable[tuple[Mapping[str, str], float]]]


def render(context: BotContext) -> str:
    """Render everything in Prometheus's text format, or raise `StoreFailed`."""
    lines = []
    for name, kind, samples in _metrics(context):
        lines.append(f"# TYPE {name} {kind}")
        for labels, value in samples:
            written = ",".join(f'{label}="{_escape(text)}"' for label, text in labels.items())
            lines.append(f"{name}{{{written}}} {value:g}" if written else f"{name} {value:.12g}")
    return "\n".join(lines) + "\n"


def _metrics(context: BotContext) -> Iterable[Metric]:
    status, store, budget = context.status, context.store, context.assistant.router.budget
    yield "ambrosio_info", "gauge", [({"version": __version__}, 1)]
    yield "ambrosio_updates_total", "counter", [({}, status.updates)]
    yield "ambrosio_strangers_total", "counter", [({}, status.strangers)]
    calls = sorted(budget.calls.items())
    yield "ambrosio_calls_total", "counter", [(_call_labels(*key), count) for key, count in calls]
    yield "ambrosio_errors_total", "counter", _errors(context)
    healths = context.assistant.router.health.providers.items()
    yield (
        "ambrosio_provider_up",
        "gauge",
        [({"provider": name}, not health.failure) for name, health in healths],
    )
    yield "ambrosio_inbox_length", "gauge", [({}, store.inbox.waiting())]
    yield "ambrosio_outbox_length", "gauge", [({}, store.outbox.waiting())]
    yield "ambrosio_answers_running", "gauge", [({}, len(context.running))]
    now = context.now()
    if status.polled_at is not None:
        yield "ambrosio_poll_age_seconds", "gauge", [({}, now - status.polled_at)]
    yield "ambrosio_uptime_seconds", "gauge", [({}, now - status.started_at)]
    yield "ambrosio_month_spend_usd", "gauge", [({}, float(budget.spent()))]
    if budget.ceiling is not None:
        yield "ambrosio_month_budget_usd", "gauge", [({}, float(budget.ceiling))]
    yield "process_resident_memory_bytes", "gauge", [({}, resident_bytes())]


def _call_labels(provider: str, kind: str, outcome: str) -> dict[str, str]:
    return {"provider": provider, "kind": kind, "outcome": outcome}


def _errors(context: BotContext) -> Iterable[tuple[Mapping[str, str], float]]:
    for kind, healths in (
        ("chat", context.assistant.router.health.providers),
        ("image", context.image_assistant.image_router.health),
        ("transcript", context.transcripts.calls.health),
        ("speech", context.speech.calls.health),
    ):
        for name, health in healths.items():
            for error, count in sorted(health.failure_counts.items()):
                yield {"provider": name, "kind": kind, "error": error}, count


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def resident_bytes(root: Path = Path("/")) -> int:
    """Return the memory that this process holds; where there is no `/proc`, its maximum so far."""
    try:
        pages = int((root / "proc/self/statm").read_text().split()[1])
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def serving_metrics(address: str, page: Callable[[], str]) -> AsyncIterator[None]:
    """Serve a page until the block ends; where that is not possible, say so and go on.

    Args:
        address: a port on this machine, or `unix:` and a path; empty for neither.
        page: renders the page.
    """
    if not address:
        yield
        return

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_response(head.decode("latin-1"), page))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            # Whoever asks gets nothing; the next one asks again.
            pass
        finally:
            writer.close()

    try:
        if address.startswith("unix:"):
            server = await asyncio.start_unix_server(answer, address.removeprefix("unix:"))
        else:
            server = await asyncio.start_server(answer, "127.0.0.1", int(address))
    except OSError as exc:
        log.warning("metrics cannot be served at %s: %s", address, exc.strerror)
        yield
        return
    async with server:
        yield


def _response(head: str, page: Callable[[], str]) -> bytes:
    request, *fields = head.split("\r\n")
    hosts = [field[5:].strip() for field in fields if field.lower().startswith("host:")]
    status, body = "200 OK", ""
    if any(host.rpartition(":")[0] not in HOSTS and host not in HOSTS for host in hosts):
        status = "403 Forbidden"
    elif not request.startswith("GET /metrics "):
        status = "404 Not Found"
    else:
        try:
            body = page()
        except StoreFailed:
            status = "503 Service Unavailable"
    content = body.encode()
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {CONTENT_TYPE}\r\n"
        f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    ).encode() + content
