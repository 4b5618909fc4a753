"""Finding a llama.cpp server on this machine."""

import httpx

# llama.cpp changed its default port in August 2026; both are in use.
USUAL_ADDRESSES = ("http://127.0.0.1:9931", "http://127.0.0.1:8080")
PROBE_SECONDS = 2.0


async def find_server(http: httpx.AsyncClient) -> str | None:
    """Give the address of the server that answers on a usual port, None if there is none.

    One that still loads its model answers 503, and is there.
    """
    for address in USUAL_ADDRESSES:
        try:
            answer = await http.get(f"{address}/health", timeout=PROBE_SECONDS)
        except httpx.HTTPError:
            continue
        if answer.status_code in {200, 503} and _speaks_json(answer):
            return f"{address}/v1"
    return None


def _speaks_json(answer: httpx.Response) -> bool:
    # Port 8080 is everybody's; a web page there is not a model.
    return "json" in str(answer.headers.get("content-type"))
