"""What a request must be like before anything else looks at it."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.guard import Asked, bits, caller_of, is_known, is_public, names_of, refusal

NAMES = names_of("127.0.0.1", ("bot.example.org",))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8790",
        "localhost",
        "LOCALHOST:8790",
        "localhost.",
        "[::1]:8790",
        "bot.example.org",
        "Bot.Example.org:443",
    ],
)
def test_our_own_names_are_known(host: str) -> None:
    assert is_known(host, "", NAMES)  # P-80


@pytest.mark.parametrize(
    "host",
    [
        "",
        ":",
        ":8790",
        "evil.example",
        "127.0.0.1.evil.example",
        "bot.example.org.evil.example",
        "evil.example#127.0.0.1",
        "localhost@evil.example",
        "localhost:8790:1",
        "localhost:x",
        "[::1",
        "[::1]x",
        "localhost, evil.example",
        "0.0.0.0",
    ],
)
def test_other_names_are_not(host: str) -> None:
    assert not is_known(host, "127.0.0.1", NAMES)  # P-80


def test_the_address_at_which_a_request_arrives_is_known() -> None:
    assert is_known("192.0.2.7:8790", "192.0.2.7", NAMES)
    assert not is_known("192.0.2.8:8790", "192.0.2.7", NAMES)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:8790", "localhost:8790"),
        ("https://bot.example.org", "bot.example.org"),
        ("https://bot.example.org", "bot.example.org:443"),
        ("http://[::1]:8790", "[::1]:8790"),
    ],
)
def test_a_page_of_our_own_may_ask(origin: str, host: str) -> None:
    assert refusal(Asked(method="GET", host=host, origin=origin), NAMES) is None


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.example",
        "http://localhost",
        "http://localhost:3000",
        "http://127.0.0.1:8790",
        "http://localhost:8790.evil.example",
        "localhost:8790",
        "file://",
    ],
)
def test_a_page_of_somebody_else_may_not(origin: str) -> None:
    assert refusal(Asked(method="GET", host="localhost:8790", origin=origin), NAMES) == 403  # P-80


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "text/plain; charset=application/json", "multipart/form-data; boundary=x", "text/json"],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_a_page_can_send_without_asking_is_not_taken(method: str, content_type: str) -> None:
    assert refusal(Asked(method=method, host="localhost", content_type=content_type), NAMES) == 415  # P-80


def test_json_is_taken() -> None:
    asked = Asked(method="POST", host="localhost", content_type="Application/JSON; charset=utf-8")

    assert refusal(asked, NAMES) is None


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60), st.text(max_size=20))
def test_no_header_is_too_strange(host: str, origin: str, content_type: str, reached: str) -> None:
    asked = Asked(method="POST", host=host, origin=origin, content_type=content_type, reached=reached)

    assert refusal(asked, NAMES) in {None, 403, 415}


@pytest.mark.parametrize("address", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_one_caller(address: str) -> None:
    assert caller_of(address) == "loopback"  # P-81


def test_an_address_in_the_clothes_of_the_other_kind_is_the_same_caller() -> None:
    assert caller_of("::ffff:192.0.2.7") == caller_of("192.0.2.7") == "192.0.2.7"  # P-81


def test_the_addresses_of_one_network_are_one_caller() -> None:
    assert caller_of("2001:db8::1%eth0") == caller_of("2001:db8::ffff:2")
    assert caller_of("2001:db8::1") != caller_of("2001:db8:0:1::1")


@given(st.ip_addresses())
def test_every_address_is_somebody(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert caller_of(str(address))


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("127.0.0.1", False),
        ("127.0.0.2", False),
        ("localhost", False),
        ("::1", False),
        ("0.0.0.0", True),
        ("::", True),
        ("192.168.1.2", True),
        ("gateway.local", True),
    ],
)
def test_what_others_can_reach_is_public(host: str, public: bool) -> None:
    assert is_public(host) is public


@pytest.mark.parametrize(
    ("token", "enough"),
    [
        ("0123456789abcdef" * 2, True),
        ("9f86d081884c7d659a2feaa0c55ad015", True),
        ("9f86d081884c7d659a2feaa0c55ad01", False),
        ("kE3mZ0pQwS7tVxYbAcDfGh", True),
        ("kE3mZ0pQwS7tVxYbAcDfG", False),
        ("1234567890123456789012345678901", False),
        ("a" * 64, False),
        ("abab" * 32, False),
        ("", False),
    ],
)
def test_a_token_is_worth_what_its_length_and_characters_allow(
    token: str,
    enough: bool,
) -> None:
    assert (bits(token) >= 128) is enough  # P-79
