"""The token of the listener."""

import os
import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.errors import ConfigError
from gateway.web import guard
from gateway.web.token import Token


def test_a_token_is_made_once_and_is_private(tmp_path: Path) -> None:  # P-79, P-37
    before = os.umask(0)
    try:
        Token(tmp_path).prepare(public=True)
    finally:
        os.umask(before)
    made = (tmp_path / "web.token").read_text().strip()
    Token(tmp_path).prepare(public=True)

    assert guard.bits(made) >= 128
    assert stat.S_IMODE((tmp_path / "web.token").stat().st_mode) == 0o600
    assert (tmp_path / "web.token").read_text().strip() == made
    assert [file.name for file in tmp_path.iterdir()] == ["web.token"]


def test_the_configured_token_counts_and_no_file_is_made(tmp_path: Path) -> None:
    token = Token(tmp_path, "configured")

    token.prepare(public=False)

    assert token.opens("configured")
    assert not token.opens("configured ")
    assert token.place == "the configuration"
    assert list(tmp_path.iterdir()) == []


def test_another_token_in_the_file_counts_at_once_and_the_old_one_no_more(tmp_path: Path) -> None:  # P-81
    token = Token(tmp_path)
    token.prepare(public=True)
    old = token.file.read_text().strip()
    opened = token.opens(old)

    token.file.write_text("another-token-1234567\n")

    assert opened
    assert (token.opens(old), token.opens("another-token-1234567")) == (False, True)


def test_who_removes_the_file_gets_a_new_token(tmp_path: Path) -> None:
    token = Token(tmp_path)
    token.prepare(public=True)
    old = token.file.read_text().strip()

    token.file.unlink()

    assert not token.opens(old)
    assert token.opens(token.file.read_text().strip())


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe"])
def test_a_file_without_a_token_opens_nothing_and_is_said(tmp_path: Path, content: bytes) -> None:
    token = Token(tmp_path)
    token.prepare(public=True)
    token.file.write_bytes(content)

    with capture_logs() as lines:
        opened = [token.opens(presented) for presented in ("", " ", "x")]

    assert opened == [False, False, False]
    assert {line["event"] for line in lines} == {"the token of the listener cannot be read"}
    with pytest.raises(ConfigError, match="remove the file, and a new token is made"):
        Token(tmp_path).prepare(public=False)


@pytest.mark.parametrize("presented", ["", "\udcff\udcfe", "x" * 100_000, "ключ"])
def test_nothing_else_opens(tmp_path: Path, presented: str) -> None:
    token = Token(tmp_path)
    token.prepare(public=True)

    assert not token.opens(presented)


def test_a_token_that_can_be_guessed_is_refused_where_others_can_call(tmp_path: Path) -> None:  # P-79
    Token(tmp_path, "short").prepare(public=False)

    with pytest.raises(ConfigError, match=r"web\.token: is worth 0 bits at most.*leave it empty, and one is made"):
        Token(tmp_path, "short").prepare(public=True)


def test_the_token_does_not_show(tmp_path: Path) -> None:  # P-87
    token = Token(tmp_path, "SENTINEL")

    assert "SENTINEL" not in f"{token!r} {token.place}"
