"""A certificate that signed itself, for a server of a test; it vouches for nothing."""

import ssl
import tempfile

OWN = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgKv8JOr7Z4xCsYqip
cWvPyUaPh0ZTse0M/oJU6BbyUwahRANCAASvU+txE5Lcmfl/+e4NpSJBi53fkbbr
548Oc1wDh3KlB2sBVSN+aCJ86eTeAJ75PfjxMzrUSvSRBavJMcLFoNAF
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBdDCCARmgAwIBAgIUVGqxFe92Oi+qFiPEBDJg8gt+1p0wCgYIKoZIzj0EAwIw
DjEMMAoGA1UEAwwDb3duMCAXDTI2MTEyMTE2MjczNVoYDzIxMjYxMDI4MTYyNzM1
WjAOMQwwCgYDVQQDDANvd24wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASvU+tx
E5Lcmfl/+e4NpSJBi53fkbbr548Oc1wDh3KlB2sBVSN+aCJ86eTeAJ75PfjxMzrU
SvSRBavJMcLFoNAFo1MwUTAdBgNVHQ4EFgQUNCDmlUbqYZ5q+WPC5gNBMBhgqRww
HwYDVR0jBBgwFoAUNCDmlUbqYZ5q+WPC5gNBMBhgqRwwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNJADBGAiEA4I+wU4Ic4MRH7QYVfLHJCHylTwSlFFTmiPg6
G039ON0CIQCgh4Nx4GjSKBI4CouPREO7GzaQ16LoNNH+qKAawrutWw==
-----END CERTIFICATE-----
"""


def self_signed() -> ssl.SSLContext:
    """What a server needs to speak TLS with it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(OWN)
        file.flush()
        context.load_cert_chain(file.name)
    return context
