"""Where URLs lead and which grants reach there."""

from __future__ import annotations

import pytest

from rtfs.host.net import NetGrant, endpoint, granting, reachable


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://example.org", "example.org", 80),
        ("https://EXAMPLE.org/x", "example.org", 443),
        ("http://example.org.:8080/", "example.org", 8080),
        ("http://user:secret@example.org/", "example.org", 80),
        ("http://example.org@evil.net/", "evil.net", 80),
        ("http://bücher.example/", "xn--bcher-kva.example", 80),
        ("http://BÜCHER.example/", "xn--bcher-kva.example", 80),
        ("http://[::1]:9/", "::1", 9),
        ("http://[0:0:0:0:0:0:0:1]/", "::1", 80),
        ("http://[::ffff:127.0.0.1]/", "127.0.0.1", 80),
        ("wss://example.org/", "example.org", 443),
    ],
)
def test_a_url_leads_to_one_canonical_host_and_port(url: str, host: str, port: int) -> None:
    found = endpoint(url)
    assert (found.host, found.port) == (host, port)


@pytest.mark.parametrize(
    "url", ["", "example.org", "//example.org", "/x", "ftp://example.org", "file:///etc/passwd", "http://", "http:///x",
            "http://exa mple.org", "http://example.org:99999/", "http://[::1/", "javascript:alert(1)", "http://\0/"]
)  # fmt: skip
def test_what_is_no_absolute_web_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        endpoint(url)


@pytest.mark.parametrize(
    ("grant", "url", "verb", "admitted"),
    [
        ("example.org", "https://example.org/x", "GET", True),
        ("EXAMPLE.org", "http://example.ORG./", "GET", True),
        ("example.org", "http://example.org:8080/", "GET", True),
        ("example.org:443", "https://example.org/", "GET", True),
        ("example.org:443", "http://example.org/", "GET", False),
        ("example.org:80", "http://example.org:8080/", "GET", False),
        ("example.org", "http://sub.example.org/", "GET", False),
        ("example.org", "http://example.org.evil.net/", "GET", False),
        ("example.org", "http://evilexample.org/", "GET", False),
        ("example.org", "http://example.org@evil.net/", "GET", False),
        ("example.org", "http://example.org%2eevil.net/", "GET", False),
        ("example.org", "http://еxample.org/", "GET", False),
        ("bücher.example", "http://xn--bcher-kva.example/", "GET", True),
        ("*.example.org", "http://a.example.org/", "GET", True),
        ("*.example.org", "http://a.b.example.org/", "GET", False),
        ("*.example.org", "http://example.org/", "GET", False),
        ("GET,HEAD example.org", "http://example.org/", "HEAD", True),
        ("GET,HEAD example.org", "http://example.org/", "POST", False),
        ("get example.org:80", "http://example.org/", "GET", True),
        ("127.0.0.1", "http://127.0.0.1:9/", "GET", True),
        ("127.0.0.1", "http://localhost:9/", "GET", False),
        ("localhost", "http://127.0.0.1:9/", "GET", False),
        ("127.0.0.1", "http://[::ffff:7f00:1]/", "GET", True),
        ("127.0.0.1", "http://127.1/", "GET", False),
        ("127.0.0.1", "http://2130706433/", "GET", False),
        ("127.0.0.1", "http://0x7f.0.0.1/", "GET", False),
        ("[::1]:8080", "http://[0::1]:8080/", "GET", True),
        ("[::1]:8080", "http://[::1]:8081/", "GET", False),
        ("[::1]", "http://[::1]:8081/", "GET", True),
    ],
)
def test_a_grant_reaches_its_host_and_no_other(grant: str, url: str, verb: str, admitted: bool) -> None:
    try:
        target = endpoint(url)
    except ValueError:
        assert not admitted
        return
    assert (granting((grant,), target, verb) is not None) is admitted


@pytest.mark.parametrize(
    ("grants", "url", "address", "may"),
    [
        (["example.org"], "http://example.org/", "93.184.216.34", True),
        (["example.org"], "http://example.org/", "10.0.0.5", True),
        (["example.org"], "http://example.org/", "127.0.0.1", False),
        (["example.org"], "http://example.org/", "127.8.9.1", False),
        (["example.org"], "http://example.org/", "0.0.0.0", False),
        (["example.org"], "http://example.org/", "169.254.169.254", False),
        (["example.org"], "http://example.org/", "::1", False),
        (["example.org"], "http://example.org/", "::", False),
        (["example.org"], "http://example.org/", "::ffff:127.0.0.1", False),
        (["example.org"], "http://example.org/", "2002:7f00:1::", False),
        (["example.org"], "http://example.org/", "fe80::1%eth0", False),
        (["example.org"], "http://example.org/", "224.0.0.1", False),
        (["example.org", "127.0.0.1"], "http://example.org/", "127.0.0.1", True),
        (["example.org", "127.0.0.1:81"], "http://example.org/", "127.0.0.1", False),
        (["localhost"], "http://localhost/", "127.0.0.1", True),
        (["127.0.0.1"], "http://127.0.0.1/", "127.0.0.1", True),
    ],
)
def test_a_name_does_not_reach_this_machine_unless_its_address_is_granted(
    grants: list[str], url: str, address: str, may: bool
) -> None:
    assert reachable(tuple(grants), endpoint(url), address) is may


@pytest.mark.parametrize("grant", ["", "http://example.org", "a b:x", "*", "*.*.org", "a/b", "a@b", "a:123456"])
def test_a_malformed_grant_is_refused(grant: str) -> None:
    with pytest.raises(ValueError, match="a network grant looks like"):
        NetGrant.parse(grant)
    assert granting((grant,), endpoint("http://example.org/")) is None
