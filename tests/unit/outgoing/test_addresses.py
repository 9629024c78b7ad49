"""Which addresses are called: the table of inner ones, and every way to write them."""

import contextlib
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UserError
from gateway.outgoing.addresses import Allowed, check_url, literal, refused, why_not
from tests.unit.outgoing.inner import INNER

NOBODY = Allowed()

SPELLINGS = [
    "http://0x7f.1/",
    "http://0x7f.0x0.0x0.0x1/",
    "http://0X7F000001/",
    "http://2130706433/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.0.0.1./",
    "http://0/",
    "http://0x/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://①②⑦.⓪.⓪.①/",
    "http://127。0。0。1/",
    "http://127．0．0．1/",
    "http://１２７.0.0.1/",
    "http://[::]/",
    "http://[::1]:80/",
    "http://[::ffff:7f00:1]/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://localhost/",
    "http://LOCALHOST:8080/",
    "http://localhost./",
    "http://a.localhost/",
    "http://localhost.localdomain/",
    "http://ip6-localhost/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://metadata.goog/",
    "https://169.254.169.254/latest/meta-data/",
]

NO_URLS = [
    "",
    "example.com",
    "//example.com/",
    "file:///etc/passwd",
    "ftp://example.com/",
    "gopher://example.com/",
    "javascript:alert(1)",
    "http://",
    "http:///path",
    "http://user@example.com/",
    "http://user:pass@example.com/",
    "http://example.com@127.0.0.1/",
    "http://127.0.0.1\\@example.com/",
    "http://example.com /",
    "http://exa\tmple.com/",
    "http://example.com\r\nHost: other/",
    "http://127%2e0.0.1/",
    "http://1.2.3.4.5/",
    "http://256.1.1.1/",
    "http://1.2.3.0x1ff/",
    "http://08.1.1.1/",
    "http://example.com:0/",
    "http://example.com:65536/",
    "http://example.com:ten/",
    "http://[::1/",
    "http://[nonsense]/",
    "http://-example.com/",
    "http://" + "a" * 300 + "/",
    "http://example.com/" + "a" * 3_000,
]


@pytest.mark.parametrize("text", INNER)
def test_an_inner_address_is_refused_with_what_it_is(text: str) -> None:
    assert len(INNER) >= 40  # P-84

    reason = refused(ip_address(text))

    assert reason.startswith(("a ", "an ", "the ", "this "))


@pytest.mark.parametrize(
    "text",
    ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::8.8.8.8", "::ffff:1.1.1.1"],
)
def test_an_address_of_the_world_is_called(text: str) -> None:
    assert refused(ip_address(text)) == ""


@pytest.mark.parametrize("url", SPELLINGS)
def test_no_spelling_of_an_inner_host_is_accepted(url: str) -> None:  # P-84, OC-05
    with pytest.raises(UserError, match="allow_private"):
        check_url(url, allowed=NOBODY)


@pytest.mark.parametrize("url", NO_URLS)
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:  # OC-05
    with pytest.raises(UserError):
        check_url(url, allowed=NOBODY)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?key=1#part",
        "http://example.com:8080",
        "https://EXAMPLE.com./",
        "https://例え.jp/",
        "http://my_host.example/",
        "http://1.1.1.1/",
        "http://[2606:4700::1111]:8443/",
        "https://1password.com/",
        "https://example.0xyz/",
    ],
)
def test_a_web_address_is_accepted(url: str) -> None:
    check_url(url, allowed=NOBODY)


def test_what_is_listed_is_called_at_its_port_only() -> None:
    allowed = Allowed.parse(["127.0.0.1:8000", "[::1]:8001", "10.1.0.0/16", "printer.lan:631", "localhost:9000"])

    for url in (
        "http://127.0.0.1:8000/",
        "http://0x7f.1:8000/",
        "http://[::ffff:127.0.0.1]:8000/",
        "http://localhost:8000/",
        "http://[::1]:8001/",
        "http://localhost:8001/",
        "http://10.1.2.3:99/",
        "http://localhost:9000/",
    ):
        check_url(url, allowed=allowed)
    for url in ("http://127.0.0.1:8001/", "http://[::1]:8000/", "http://10.2.0.1/", "http://localhost/"):
        with pytest.raises(UserError):
            check_url(url, allowed=allowed)


def test_a_listed_name_may_lead_inside_and_another_one_may_not() -> None:
    allowed = Allowed.parse(["printer.lan:631"])
    inner = ip_address("192.168.0.7")

    assert why_not(inner, 631, host="Printer.LAN", allowed=allowed) == ""
    assert why_not(inner, 80, host="printer.lan", allowed=allowed) == "a private network"
    assert why_not(inner, 631, host="other.example", allowed=allowed) == "a private network"


@pytest.mark.parametrize(
    "entry", ["", "http://127.0.0.1", "127.1:80", "1.2.3.4.5", "a b", "10.0.0.0/99", "host:port"]
)
def test_a_wrong_entry_of_the_list_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match="is not host:port"):
        Allowed.parse([entry])


def test_the_refusal_keeps_the_path_and_names_the_address_as_it_is() -> None:
    with pytest.raises(UserError) as refusal:
        check_url("http://0x7f.1:99/hooks/s3cret", allowed=NOBODY)

    assert "127.0.0.1:99" in str(refusal.value)
    assert "s3cret" not in str(refusal.value)


@given(st.ip_addresses(v=4))
def test_an_address_is_read_the_same_in_every_form(address: object) -> None:
    number = int(address)  # type: ignore[call-overload]
    octets = [number >> shift & 255 for shift in (24, 16, 8, 0)]

    forms = {str(number), hex(number), f"0{number:o}", ".".join(map(hex, octets)), ".".join(map(str, octets))}

    assert {literal(form) for form in forms} == {address}


@given(st.text(max_size=60))
def test_any_text_is_accepted_or_refused_in_a_sentence(text: str) -> None:
    for url in (text, f"http://{text}/", f"http://[{text}]/"):
        with contextlib.suppress(UserError):  # any other error fails
            assert check_url(url, allowed=NOBODY) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize(
    ("url", "beginning"),
    [
        ("notaurl", "notaurl"),
        ("example.org/hook/s3cret?key=s3cret", "example.org"),
        ("//example.org/s3cret", "example.org"),
        ("s3cret@example.org/hook", "example.org"),
        ("ftp://example.org/s3cret", "ftp"),
    ],
)
def test_what_is_no_address_of_the_web_is_said_as_it_began(url: str, beginning: str) -> None:
    with pytest.raises(UserError) as refusal:
        check_url(url, allowed=Allowed())

    assert str(refusal.value) == f'a URL must begin with https:// or http://, not with "{beginning}"'
