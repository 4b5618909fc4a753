"""Decides which server addresses are local: on this machine or in a private network.

Pure: names are never resolved, so a name other than `localhost` counts as remote unless the owner
sets `local = true`.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

LOCAL_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/32",
        "10.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::/128",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)


def is_local(url: str) -> bool:
    """Return whether a URL is local: loopback, a private network, or a Unix socket."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if urlsplit(url).scheme == "unix" or host == "localhost":
        return True
    address = _address(_number(host))
    return address is not None and any(address in network for network in LOCAL_NETWORKS)


def is_public(url: str) -> bool:
    """Return whether a URL is certainly not local: it has an IP address outside those networks."""
    number = _number((urlsplit(url).hostname or "").rstrip("."))
    return _address(number) is not None and not is_local(url)


def _number(host: str) -> str:
    """Write out a short IPv4 address: the system also accepts "8.8" and 134744072."""
    try:
        return str(ipaddress.IPv4Address(socket.inet_aton(host)))
    except (OSError, UnicodeError):
        return host


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
