"""Finds a llama.cpp server that is already running on this machine."""

import httpx

# llama.cpp's default port changed in August 2026; both are in use.
USUAL_ADDRESSES = ("http://127.0.0.1:9931", "http://127.0.0.1:8080")
PROBE_SECONDS = 2.0


async def find_server(http: httpx.AsyncClient) -> str | None:
    """Return the base URL (ending in `/v1`) of a server on a usual port, None if there is none.

    A server that is still loading its model answers 503 and counts as found.
    """
    for address in USUAL_ADDRESSES:
        try:
            response = await http.get(f"{address}/health", timeout=PROBE_SECONDS)
        except httpx.HTTPError:
            continue
        if response.status_code in {200, 503} and _is_json(response):
            return f"{address}/v1"
    return None


def _is_json(response: httpx.Response) -> bool:
    # Many programs use port 8080; a web page there is not a llama.cpp server.
    return "json" in str(response.headers.get("content-type"))
