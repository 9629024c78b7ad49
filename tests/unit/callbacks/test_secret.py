"""The secret in the home folder."""

import os
import stat
from pathlib import Path

import pytest

from gateway.callbacks import signing
from gateway.callbacks.secret import NAME, kept_secret
from gateway.errors import ConfigError


def test_a_secret_is_made_once_and_is_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        first = kept_secret(tmp_path)
    finally:
        os.umask(before)

    assert kept_secret(tmp_path) == first
    assert len(signing.key_of(first)) == 32
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "secret", "whsec_x", "ü"])
def test_a_file_without_a_secret_is_said_with_the_cure(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)

    with pytest.raises(ConfigError, match="remove the file"):
        kept_secret(tmp_path)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be used: No such file"):
        kept_secret(tmp_path / "gone")


def test_a_new_secret_has_its_name_on_the_disk_before_it_is_used(tmp_path: Path) -> None:
    synced: list[tuple[str, bool]] = []

    def fsync(descriptor: int) -> None:
        synced.append((str(Path(f"/proc/self/fd/{descriptor}").readlink()), (tmp_path / NAME).exists()))

    kept_secret(tmp_path, fsync=fsync)

    assert synced == [(str(tmp_path / "webhook.draft"), False), (str(tmp_path), True)]
