"""Sharing the work among equal servers: providers of one group. Pure.

The least busy one is asked. Among equally busy ones each conversation keeps to its own, whose
prompt cache has read it already.
"""

import hashlib
from collections.abc import Mapping, Sequence


def share_work(
    names: Sequence[str], groups: Mapping[str, str], under_way: Mapping[str, int], key: str
) -> list[str]:
    """Return the names with the members of each group in the order in which to ask them.

    Args:
        names: providers in order of preference; a group has the places of its members.
        groups: the group of each provider that has one.
        under_way: how many calls each provider is working on.
        key: tells conversations apart.
    """
    shared = list(names)
    for group in {groups[name] for name in names if groups.get(name)}:
        places = [place for place, name in enumerate(names) if groups.get(name) == group]
        members = [names[place] for place in places]
        members.sort(key=lambda name: (under_way.get(name, 0), _rank(key, name)))
        for place, name in zip(places, members, strict=True):
            shared[place] = name
    return shared


def _rank(key: str, name: str) -> bytes:
    """Rendezvous hashing: when a server comes or goes, only its own conversations move."""
    return hashlib.blake2b(f"{key}\0{name}".encode(), digest_size=8).digest()
