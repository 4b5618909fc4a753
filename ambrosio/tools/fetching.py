"""Fetches a page for a model, from the public internet and from nowhere else.

What keeps it there: the address is resolved first, every address that comes of it has to be one of
the internet, and the connection goes to the very address that was checked, with the host's name in
TLS and in the request only. The same again at each redirect. No cookies, no credentials, no
compression that could grow. What the page says is read elsewhere, in the media child.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import httpx

from ..core.addresses import is_internet_address
from ..core.errors import PageNotRead

log = logging.getLogger(__name__)

MAX_BYTES = 2_000_000
MAX_REDIRECTS = 5
MAX_URL_CHARACTERS = 2_000
# Each connection that fails costs seconds of the few there are.
MAX_ADDRESSES = 3
TOTAL_SECONDS = 10.0
MEDIA_TYPES = frozenset({"text/html", "text/plain", "application/pdf", "application/xhtml+xml", ""})
HEADERS = {
    "User-Agent": "Ambrosio",
    "Accept": "text/html, application/xhtml+xml, application/pdf, text/plain;q=0.9",
    "Accept-Encoding": "identity",
    # Another host may have the same address, and must not be asked over the first one's TLS.
    "Connection": "close",
}
# Below, everything but the web's own ports belongs to other protocols.
FIRST_FREE_PORT = 1_024
# For documentation only (RFC 5737).
NOBODYS_ADDRESS = "192.0.2.1"

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """What a web server has sent: the address it came from in the end, its type and its bytes."""

    url: str
    media_type: str
    content: bytes = field(repr=False)


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the IP addresses of a host, or raise `OSError`."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def may_connect(address: str) -> bool:
    """Say whether an IP address is one of the internet, and not this machine's own."""
    return is_internet_address(address) and not _is_ours(address)


def _is_ours(address: str) -> bool:
    """Say whether a public address is this machine's own, where services may trust it."""
    # On a machine that may bind any address this says nothing.
    return _can_bind(address) and not _can_bind(NOBODYS_ADDRESS)


def _can_bind(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


class PageFetcher:
    """Fetches pages with a client that it is given, whose own redirects are off.

    Args:
        http: a client for servers elsewhere.
        resolve: turns a host into IP addresses.
        may_connect: which of them may be asked.
        total_seconds: how long a page may take, redirects and all.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        resolve: Resolver = resolve,
        may_connect: Callable[[str], bool] = may_connect,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._http, self._resolve, self._may_connect = http, resolve, may_connect
        self._total_seconds = total_seconds

    async def fetch(self, url: str) -> FetchedPage:
        """Fetch a page, or raise `PageNotRead`."""
        target = parse_url(url)
        try:
            async with asyncio.timeout(self._total_seconds):
                for _ in range(MAX_REDIRECTS + 1):
                    found = await self._ask(target)
                    if isinstance(found, FetchedPage):
                        return found
                    target = found
        except TimeoutError:
            raise PageNotRead(target.host, "it took too long") from None
        except UnicodeError as exc:
            raise PageNotRead(target.host, "it has no valid address") from exc
        raise PageNotRead(target.host, "it redirects too often")

    async def _ask(self, url: httpx.URL) -> FetchedPage | httpx.URL:
        """Ask for one address; return the page, or where it redirects to."""
        for address in await self._addresses(url):
            try:
                return await self._ask_at(address, url)
            except httpx.ConnectError as exc:
                log.info("no connection to a page's server: %s", type(exc).__name__)
            except httpx.HTTPError as exc:
                log.info("a page could not be fetched: %s", type(exc).__name__)
                raise PageNotRead(url.host, "its server sent an invalid response") from exc
        raise PageNotRead(url.host, "its server cannot be reached")

    async def _addresses(self, url: httpx.URL) -> Sequence[str]:
        """Resolve a host; one address that may not be asked is enough to refuse all of them."""
        try:
            addresses = await self._resolve(url.raw_host.decode("ascii").strip("[]"), _port(url))
        except OSError as exc:
            raise PageNotRead(url.host, "there is no such address") from exc
        if not addresses or not all(map(self._may_connect, addresses)):
            raise PageNotRead(url.host, "it is not on the public internet")
        return addresses[:MAX_ADDRESSES]

    async def _ask_at(self, address: str, url: httpx.URL) -> FetchedPage | httpx.URL:
        """Ask one address for what its host has there."""
        # Not built by the client, which would add the headers and cookies that it has.
        request = httpx.Request(
            "GET",
            url.copy_with(host=address),
            headers={**HEADERS, "Host": url.netloc.decode("ascii")},
            extensions={
                # What TLS is told, and whose certificate it checks.
                "sni_hostname": url.raw_host.decode("ascii").strip("[]"),
                "timeout": httpx.Timeout(self._total_seconds).as_dict(),
            },
        )
        response = await self._http.send(request, stream=True, auth=None, follow_redirects=False)
        try:
            if response.has_redirect_location:
                return _redirect(url, response.headers["Location"])
            return FetchedPage(str(url), _media_type(url, response), await _read(url, response))
        finally:
            await response.aclose()
            self._http.cookies.clear()


def parse_url(text: str) -> httpx.URL:
    """Read an address that may be fetched, or raise `PageNotRead`.

    By httpx's own parser, so that what is checked is what is asked.
    """
    try:
        url = httpx.URL(text.strip()) if len(text) <= MAX_URL_CHARACTERS else None
        host = url.raw_host.decode("ascii") if url else ""
    except (httpx.InvalidURL, UnicodeError, ValueError, TypeError):
        url, host = None, ""
    if url is None or url.scheme not in {"http", "https"} or not host or "%" in host:
        raise PageNotRead("this address", "that is not the address of a web page")
    if url.userinfo:
        raise PageNotRead(url.host, "there is a password in its address")
    if not (_port(url) in {80, 443} or FIRST_FREE_PORT <= _port(url) <= 65_535):
        raise PageNotRead(url.host, "its port is not one that web servers use")
    return url.copy_with(fragment=None)


def _port(url: httpx.URL) -> int:
    return url.port if url.port is not None else (443 if url.scheme == "https" else 80)


def _redirect(url: httpx.URL, location: str) -> httpx.URL:
    try:
        target = str(url.join(location))
    except (httpx.InvalidURL, ValueError) as exc:
        raise PageNotRead(url.host, "it redirects to an invalid address") from exc
    return parse_url(target)


def _media_type(url: httpx.URL, response: httpx.Response) -> str:
    if response.status_code != httpx.codes.OK:
        raise PageNotRead(url.host, f"its server answered {response.status_code}")
    media_type = response.headers.get("Content-Type", "")
    if media_type.partition(";")[0].strip().lower() not in MEDIA_TYPES:
        raise PageNotRead(url.host, "it is not a page of text")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise PageNotRead(url.host, "it is compressed, which I cannot read")
    return str(media_type)


async def _read(url: httpx.URL, response: httpx.Response) -> bytes:
    content = bytearray()
    async with aclosing(response.aiter_raw()) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            content += piece
            if len(content) > MAX_BYTES:
                raise PageNotRead(url.host, "it is larger than 2 MB")
    return bytes(content)
