"""Where a redirect leads."""

import pytest

from gateway.errors import ErrorClass, OutgoingError
from gateway.outgoing.calls import Call, redirected


@pytest.mark.parametrize("body", [None, b"{}"])
@pytest.mark.parametrize("target", ["http://a.example/x", "http://a.example:443/x", "HTTP://b.example/"])
def test_what_goes_encrypted_is_not_sent_on_in_clear(target: str, body: bytes | None) -> None:
    call = Call(url="https://a.example/x", method="POST" if body else "GET", body=body)

    with pytest.raises(OutgoingError, match="redirects from https to http") as caught:
        redirected(call, target)

    assert caught.value.kind is ErrorClass.PERMISSION


@pytest.mark.parametrize(
    ("before", "target", "after"),
    [
        ("https://a.example/x", "/y", "https://a.example/y"),
        ("https://a.example/x", "//b.example/y", "https://b.example/y"),
        ("http://a.example/x", "https://a.example/x#top", "https://a.example/x"),
        ("http://a.example/x", "http://b.example/", "http://b.example/"),
    ],
)
def test_every_other_redirect_is_followed(before: str, target: str, after: str) -> None:
    assert redirected(Call(url=before), target).url == after
