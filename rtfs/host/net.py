"""Where a URL leads, and whether the grants of a program reach that far."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

from rtfs.host.glob import matches

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+(?:%[a-z0-9._-]+)?")  # a name or IPv4 address; IPv6, perhaps with its zone
_GRANT = re.compile(r"(?:([A-Za-z, ]+) )?(\*\.)?(\[[0-9A-Fa-f:.]+\]|[^\s/:@?#*\[\]]+)(?::(\d{1,5}))?")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Endpoint(NamedTuple):
    """host: lower case, IDNA, without final dot; an address in its one canonical form."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """`host`, or `host:port` when the port is not the scheme's own."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port == _PORTS[self.scheme] else f"{shown}:{self.port}"

    @property
    def address(self) -> Address | None:
        """The address that the host spells, None when it is a name."""
        return address_of(self.host)


def endpoint(url: str) -> Endpoint:
    """Where a URL leads; ValueError when it is not an absolute http, https, ws or wss URL.

    The parser is the one of the HTTP client itself, so that what is checked is what is used.
    """
    from httpx2 import URL, InvalidURL

    try:
        parsed = URL(url)
    except (InvalidURL, UnicodeError, TypeError) as error:
        raise ValueError(f"not a URL: {url}") from error
    if parsed.scheme not in _PORTS or not parsed.raw_host:
        raise ValueError(f"not an absolute http or https URL: {url}")
    host = canonical_host(parsed.raw_host.decode("ascii"))
    port = parsed.port or _PORTS[parsed.scheme]
    if not _HOST.fullmatch(host) or port > 65_535:
        raise ValueError(f"not an absolute http or https URL: {url}")
    return Endpoint(parsed.scheme, host, port)


def canonical_host(host: str) -> str:
    """The one spelling of a host, so that two of them can be compared as text."""
    host = host.strip("[]").lower().removesuffix(".")
    address = address_of(host)
    return str(address) if address is not None else host


def address_of(host: str) -> Address | None:
    """The address a host spells, with IPv4 inside IPv6 taken out."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


class NetGrant(NamedTuple):
    """`"api.example.org"`, `"*.example.org:8443"`, `"GET,HEAD api.example.org"`, `"[::1]:8080"`, `"127.0.0.1"`."""

    verbs: frozenset[str]  # empty: any
    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> NetGrant:
        """ValueError when it is not of that form."""
        found = _GRANT.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"a network grant looks like api.example.org or GET,HEAD *.example.org:8443, got {text!r}")
        verbs, star, host, port = found.groups()
        asked = frozenset(verb.strip().upper() for verb in (verbs or "").split(",") if verb.strip())
        return cls(asked, (star or "") + endpoint(f"http://{host}/").host, int(port) if port else None)

    def admits(self, target: Endpoint, verb: str | None) -> bool:
        return (
            matches(self.host, target.host)
            and self.port in (None, target.port)
            and (verb is None or not self.verbs or verb.upper() in self.verbs)
        )


def granting(granted: tuple[str, ...], target: Endpoint, verb: str | None = None) -> NetGrant | None:
    """The grant that lets a program go to `target` with this method (None: any); what is no grant admits nothing."""
    for text in granted:
        try:
            grant = NetGrant.parse(text)
        except ValueError:
            continue
        if grant.admits(target, verb):
            return grant
    return None


def reachable(granted: tuple[str, ...], target: Endpoint, address: str) -> bool:
    """May a connection to a granted host go to this address, to which the host's name resolved?

    A name that resolves to this machine itself or its own network link does not open what only the address would:
    names are in the hands of whoever runs their zone.
    """
    found = address_of(address.partition("%")[0])
    if found is None:
        return False
    if target.host == "localhost" or target.address is not None or not _local(found):
        return True
    return granting(granted, target._replace(host=str(found))) is not None


def _local(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None and _local(inner):
            return True
    return address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast
