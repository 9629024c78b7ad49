"""Settings of files and voice: what cannot be is said before anything starts."""

from pathlib import Path

import pytest

from gateway.config import load, secrets
from gateway.errors import ConfigError


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "config.toml").write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    "address", ["api.openai.com/v1", "ftp://h/v1", "http://", "http://h/v1?key=1", "http://a:b@h/v1", "http://h /"]
)
def test_a_transcription_service_needs_an_address(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError, match=r"transcription\.base_url.*write it like https://api\.openai\.com/v1"):
        load(written(tmp_path, f'[transcription]\nbase_url = "{address}"'), environ={})


def test_the_key_of_the_transcription_service_is_a_secret(tmp_path: Path) -> None:
    (tmp_path / "voice.key").write_text("sk-voice-sentinel\n")
    text = '[transcription]\nbase_url = "http://127.0.0.1:9000"\napi_key_file = "voice.key"'

    config = load(written(tmp_path, text), environ={}).config

    assert "sk-voice-sentinel" in secrets(config)
    assert "sk-voice-sentinel" not in repr(config)  # P-87


def test_files_have_a_largest_size_that_means_something(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"media\.max_bytes"):
        load(written(tmp_path, "[media]\nmax_bytes = 0"), environ={})
