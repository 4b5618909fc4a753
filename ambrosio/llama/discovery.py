"""Finds a model server that is already running on this machine."""

import socket
from urllib.parse import urlsplit

import httpx

from ..core.provider_errors import NotSetUp

# llama.cpp's default port changed in August 2026; both are in use.
USUAL_ADDRESSES = ("http://127.0.0.1:9931", "http://127.0.0.1:8080")
# Ollama and LM Studio, which serve several models and want one to be named.
OTHER_ADDRESSES = ("http://127.0.0.1:11434", "http://127.0.0.1:1234")
PROBE_SECONDS = 2.0
CONNECT_SECONDS = 0.2


async def find_server(http: httpx.AsyncClient) -> str | None:
    """Return the base URL (ending in `/v1`) of a server on a usual port, None if there is none.

    A llama.cpp server that is still loading its model answers 503 and counts as found; one of the
    others counts if it has a model.
    """
    for address in USUAL_ADDRESSES:
        response = await _get(http, f"{address}/health")
        if response is not None and response.status_code in {200, 503} and _is_json(response):
            return f"{address}/v1"
    for address in OTHER_ADDRESSES:
        if await _first_model(http, address):
            return f"{address}/v1"
    return None


def check_usual_port(provider: str) -> None:
    """Raise `NotSetUp` unless something listens where llama.cpp does if nothing else is set up.

    On loopback a connection is made or refused at once.
    """
    address = urlsplit(USUAL_ADDRESSES[0])
    try:
        socket.create_connection((address.hostname, address.port), CONNECT_SECONDS).close()
    except OSError as exc:
        raise NotSetUp(provider) from exc


async def default_model(http: httpx.AsyncClient, base_url: str) -> str:
    """Return the model to ask at a server that was found; "" is the server's own choice."""
    address = base_url.removesuffix("/v1")
    return await _first_model(http, address) if address in OTHER_ADDRESSES else ""


async def _first_model(http: httpx.AsyncClient, address: str) -> str:
    response = await _get(http, f"{address}/v1/models")
    if response is None or response.status_code != 200 or not _is_json(response):
        return ""
    try:
        ids = [str(model["id"]) for model in response.json()["data"] or ()]
    except (ValueError, KeyError, TypeError):
        return ""
    # LM Studio lists its models for embeddings too.
    return next((name for name in ids if "embed" not in name), "")


async def _get(http: httpx.AsyncClient, url: str) -> httpx.Response | None:
    try:
        return await http.get(url, timeout=PROBE_SECONDS)
    except httpx.HTTPError:
        return None


def _is_json(response: httpx.Response) -> bool:
    # Many programs use port 8080; a web page there is not a llama.cpp server.
    return "json" in str(response.headers.get("content-type"))
