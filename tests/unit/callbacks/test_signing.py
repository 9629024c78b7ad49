"""Signatures, checked with the library that receivers use."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from gateway.callbacks import signing

NOW = datetime.now(UTC)  # the library compares with the real time


@given(st.binary(min_size=24, max_size=64), st.text(max_size=200))
def test_what_we_sign_others_verify(key: bytes, text: str) -> None:  # P-83
    secret = signing.PREFIX + base64.b64encode(key).decode()
    body = f'{{"text": "{text.encode().hex()}"}}'

    headers = signing.headers(secret, id="5f2a-complete", at=NOW, body=body.encode())

    assert Webhook(secret).verify(body, headers) == {"text": text.encode().hex()}


def test_a_changed_body_another_id_and_another_secret_do_not_verify() -> None:
    secret = signing.new_secret()
    headers = signing.headers(secret, id="run", at=NOW, body=b"{}")

    for key, body, changed in (
        (secret, '{"a":1}', headers),
        (secret, "{}", headers | {"webhook-id": "other"}),
        (signing.new_secret(), "{}", headers),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(key).verify(body, changed)


@pytest.mark.parametrize("secret", ["", "secret", "whsec_", "whsec_c2hvcnQ=", "whsec_***", "whsec_" + "A" * 200])
def test_what_is_no_secret_is_refused_with_what_one_looks_like(secret: str) -> None:
    with pytest.raises(ValueError, match='must be "whsec_" and 24 to 64 bytes in base64'):
        signing.key_of(secret)
