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


# Addresses that the registries call global and that lead to a machine's own surroundings all the
# same, or whose real target is hidden in them: Azure's metadata; multicast and reserved; NAT64,
# Teredo and 6to4; IPv6 outside of what is given out.
NEAR_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "168.63.129.16/32",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "224.0.0.0/3",
        "::/3",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "4000::/2",
        "8000::/1",
    )
)


def is_internet_address(address: str) -> bool:
    """Say whether an IP address, as a resolver returns it, is one of the public internet.

    Stricter than `is_public`: it decides what may be fetched for a stranger. An IPv4 address inside
    an IPv6 one counts as what it is. Anything else that is no address, with a zone too, is not.
    """
    found = _address(address)
    if found is None or getattr(found, "scope_id", None):
        return False
    return found.is_global and not any(found in network for network in NEAR_NETWORKS)


def is_local(url: str) -> bool:
    """Return whether a URL is local: loopback, a private network, or a Unix socket."""
    host = urlsplit(url).hostname or ""
    if urlsplit(url).scheme == "unix" or host == "localhost":
        return True
    address = _address(host)
    return address is not None and _is_inside(address)


def is_public(url: str) -> bool:
    """Return whether a URL is certainly not local: it has an IP address outside those networks."""
    address = _address(_written_out(urlsplit(url).hostname or ""))
    return address is not None and not _is_inside(address)


def may_be_local(url: str) -> bool:
    """Return whether a URL could lead to this machine or its network, in whatever spelling.

    Wider than `is_local`, for addresses that somebody else gives us and that must not lead inside.
    """
    host = (urlsplit(url).hostname or "").rstrip(".")
    address = _address(_written_out(host))
    return (
        is_local(url)
        or host == "localhost"
        or host.endswith(".localhost")
        or (address is not None and _is_inside(address))
    )


def _written_out(host: str) -> str:
    """Write out a short IPv4 address: the system also accepts "8.8" and 134744072."""
    try:
        return str(ipaddress.IPv4Address(socket.inet_aton(host)))
    except (OSError, UnicodeError):
        return host


def _is_inside(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(address in network for network in LOCAL_NETWORKS)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
