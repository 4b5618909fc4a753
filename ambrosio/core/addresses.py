"""Which addresses stay in the house.

Pure, and only about what an address says of itself: a name is never looked up, so one that means
this machine counts as outside until its owner says otherwise.
"""

import ipaddress
import socket
from urllib.parse import urlsplit

LOCAL_NETWORKS = tuple(
    ipaddress.ip_network(each)
    for each in (
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
    """Tell whether an address stays in the house: loopback, a private range, or a Unix socket."""
    host = urlsplit(url).hostname or ""
    if urlsplit(url).scheme == "unix" or host == "localhost":
        return True
    address = _address(host)
    return address is not None and any(address in network for network in LOCAL_NETWORKS)


def is_public(url: str) -> bool:
    """Tell whether an address is certainly outside: a number, and not one of the house."""
    host = urlsplit(url).hostname or ""
    try:
        # To the system "8.8" and 134744072 are addresses as well.
        number = str(ipaddress.IPv4Address(socket.inet_aton(host)))
    except (OSError, UnicodeError):
        number = host
    return _address(number) is not None and not is_local(f"//{number}" if number != host else url)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
