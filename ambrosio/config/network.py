"""HTTP clients for servers elsewhere, with the proxies and certificates of the environment.

httpx raises at a good part of what people have in these variables, and elsewhere reads them
otherwise than curl does. Here they are read once and checked: what cannot be used is
`InvalidSettings` with the variable's name, never its value, which may hold a password.
"""

import ipaddress
import os
import re
import ssl
import urllib.request
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx

from ..core.errors import InvalidSettings

PROXIES_EXPECTED = "expected a proxy such as http://127.0.0.1:3128 or socks5://127.0.0.1:1080"
# GNOME writes socks:// for what is SOCKS 5.
ALIASES = {"socks": "socks5"}
SCHEMES = ("http", "https", "all")
NETWORK = re.compile(r"\[?[\d.:a-fA-F]+\]?/\d+")


def trusted_certificates() -> ssl.SSLContext:
    """Return the certificates to trust, which all clients share; raises `InvalidSettings`.

    Those of `SSL_CERT_FILE` or else `SSL_CERT_DIR`, if set; otherwise those that came with us.
    """
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
    return _read_certificates(*(os.environ.get(name) for name in names))


# Reading them takes a megabyte and 40 ms.
@lru_cache(maxsize=1)
def _read_certificates(
    file: str | None, folders: str | None, _key_log: str | None
) -> ssl.SSLContext:
    # OpenSSL passes over a folder that is not there, and then trusts nobody.
    if folders and not file and not any(map(_holds_certificates, folders.split(os.pathsep))):
        problem = "has no certificates that OpenSSL can find"
        raise InvalidSettings([("SSL_CERT_DIR", problem, "expected a folder after `c_rehash`")])
    try:
        return httpx.create_ssl_context()
    except OSError as exc:
        # The only other variable that Python opens a file for.
        name = "SSL_CERT_FILE" if file and not _can_be_loaded(file) else "SSLKEYLOGFILE"
        is_read = isinstance(exc, ssl.SSLError)
        problem = "holds no certificates" if is_read else f"cannot be read: {exc.strerror}"
        raise InvalidSettings([(name, problem, "expected a readable file, or unset it")]) from None


def _holds_certificates(folder: str) -> bool:
    try:
        return any(
            re.fullmatch(r"[0-9a-f]{8}\.\d+", entry.name) for entry in Path(folder).iterdir()
        )
    except OSError:
        return False


def _can_be_loaded(file: str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except (OSError, ValueError):
        return False
    return True


def client_options(certificates: ssl.SSLContext) -> dict[str, Any]:
    """Return arguments for one `httpx.AsyncClient`, or raise `InvalidSettings`."""
    mounts = {
        pattern: proxy and httpx.AsyncHTTPTransport(verify=certificates, proxy=proxy)
        for pattern, proxy in _proxies(certificates).items()
    }
    return {"verify": certificates, "trust_env": False, "mounts": mounts}


def blocking_client(certificates: ssl.SSLContext, **options: Any) -> httpx.Client:
    """Make a client for a process that may wait, or raise `InvalidSettings`."""
    mounts = {
        pattern: httpx.HTTPTransport(verify=certificates, proxy=proxy) if proxy else None
        for pattern, proxy in _proxies(certificates).items()
    }
    return httpx.Client(verify=certificates, trust_env=False, mounts=mounts, **options)


def remote_client(certificates: ssl.SSLContext) -> httpx.AsyncClient:
    """Make a client for servers elsewhere, or raise `InvalidSettings`."""
    return httpx.AsyncClient(**client_options(certificates))


def _proxies(certificates: ssl.SSLContext) -> Mapping[str, httpx.Proxy | None]:
    """Return the proxy for each of httpx's URL patterns, None for a direct connection."""
    found = urllib.request.getproxies()
    proxies: dict[str, httpx.Proxy | None] = {
        f"{scheme}://": _proxy(scheme, url, certificates)
        for scheme in SCHEMES
        if (url := found.get(scheme, "").strip())
    }
    excepted = [host for host in re.split(r"[,\s]+", found.get("no", "")) if host]
    if "*" in excepted or not proxies:
        return {}
    # A network such as 10.0.0.0/8 has no pattern; private addresses are asked directly anyway.
    hosts = [host for host in excepted if not NETWORK.fullmatch(host)]
    return proxies | {_pattern(host, certificates): None for host in hosts}


def _proxy(scheme: str, value: str, certificates: ssl.SSLContext) -> httpx.Proxy:
    kind, _, rest = (value if "://" in value else f"http://{value}").partition("://")
    kind = ALIASES.get(kind.lower(), kind.lower())
    name = _variable(scheme)
    if kind not in {"http", "https", "socks5", "socks5h"}:
        problem = "names a kind of proxy that Ambrosio cannot use"
        raise InvalidSettings([(name, problem, PROXIES_EXPECTED)])
    try:
        proxy = httpx.Proxy(
            f"{kind}://{rest}", ssl_context=certificates if kind == "https" else None
        )
        httpx.AsyncHTTPTransport(verify=certificates, proxy=proxy)
    except (httpx.InvalidURL, ValueError):
        proxy = None
    except ImportError:
        problem = "names a SOCKS proxy, for which the package `socksio` is missing"
        raise InvalidSettings([(name, problem, "install it with pip")]) from None
    if proxy is None or not _names_host(proxy.url):
        raise InvalidSettings([(name, "is not the address of a proxy", PROXIES_EXPECTED)])
    return proxy


def _pattern(host: str, certificates: ssl.SSLContext) -> str:
    """Return httpx's pattern for one entry of NO_PROXY, or raise `InvalidSettings`.

    As in curl, a leading dot or star includes the domain itself.
    """
    is_bare_ipv6 = host.count(":") > 1 and "[" not in host and "://" not in host
    name = f"[{host}]" if is_bare_ipv6 else host
    if "://" in name:
        pattern = name
    elif name.startswith("[") or name.lower() == "localhost" or _is_address(name):
        pattern = f"all://{name}"
    else:
        pattern = f"all://*{name.removeprefix('*').removeprefix('.')}"
    try:
        httpx.AsyncClient(trust_env=False, verify=certificates, mounts={pattern: None})
        valid = _names_host(httpx.URL(pattern))
    except (httpx.InvalidURL, ValueError):
        valid = False
    if not valid:
        problem = f"has the entry `{host}`, which is no host"
        hint = "expected names or addresses and commas"
        raise InvalidSettings([(_variable("no"), problem, hint)])
    return pattern


def _names_host(url: httpx.URL) -> bool:
    """Check what httpx leaves to the first request; it quotes what cannot be in a host's name."""
    port = 80 if url.port is None else url.port
    return bool(url.host.strip("*")) and "%" not in url.host and 0 < port < 65_536


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _variable(scheme: str) -> str:
    """Name the variable that a proxy came from, as it is written."""
    names = (f"{scheme}_proxy", f"{scheme}_PROXY", f"{scheme.upper()}_PROXY")
    return next((name for name in names if os.environ.get(name)), f"{scheme}_proxy")
