"""Whether the web search works, for `ambrosio doctor`."""

from collections.abc import AsyncIterator

import httpx

from ..config.settings import Settings
from ..core.errors import SearchFailed
from ..tools.search_engines import SearchReply, make_engine
from .findings import Finding

SUBJECT = "search"
QUERY = "weather"


async def check_search(settings: Settings, http: httpx.AsyncClient) -> AsyncIterator[Finding]:
    """Try the web search, if one is set up, and say which engines answered."""
    url, key = settings.ambrosio_search_url, settings.brave_api_key.get_secret_value()
    if not (url or key):
        return
    async with httpx.AsyncClient(trust_env=False) as local_http:
        engine = make_engine(url, key, http=http, local_http=local_http)
        try:
            reply = await engine.search(QUERY)
        except SearchFailed as exc:
            detail = f"{engine.name} does not work: {exc.reason}"
            yield Finding(SUBJECT, "flawed", detail, exc.fix or "check AMBROSIO_SEARCH_URL")
            return
    yield _finding(engine.name, reply)


def _finding(name: str, reply: SearchReply) -> Finding:
    answered = f"from {', '.join(reply.answered)}" if reply.answered else ""
    silent = ", ".join(f"{engine} ({reason})" for engine, reason in reply.unresponsive)
    counted = f"{len(reply.results)} result{'s' * (len(reply.results) != 1)}"
    parts = (counted, answered, f"no answer from {silent}" if silent else "")
    detail = f"{name} returned {'; '.join(filter(None, parts))}"
    if reply.results:
        return Finding(SUBJECT, "ok", detail)
    return Finding(SUBJECT, "flawed", detail, "switch on other engines in SearXNG's settings.yml")
