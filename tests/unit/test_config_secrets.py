"""Secrets of the configuration: where they may lie, and that they are shown nowhere."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway.config import secrets
from gateway.errors import ConfigError
from tests.configuration import load_text, refusal


def test_a_secret_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "bot.token").write_text("123:abc\n")

    config = load_text(tmp_path, '[channels.telegram]\nallow = ["1"]\ntoken_file = "bot.token"').config

    assert config.channels["telegram"].own == {"token": SecretStr("123:abc")}
    assert secrets(config) == {"123:abc"}


def test_a_secret_in_the_environment_wins_over_a_file_that_the_file_names(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from the file")

    config = load_text(
        tmp_path, '[model]\napi_key_file = "key"', TOCSIN__MODEL__API_KEY="from the environment"
    ).config

    assert config.model.api_key.get_secret_value() == "from the environment"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[model]\napi_key_file = "nowhere"', "model.api_key_file: "),
        ('[model]\napi_key = "x"\napi_key_file = "y"', "there is model.api_key too"),
        ("[model]\napi_key_file = 5", "model.api_key_file: must be the path of a file"),
    ],
)
def test_a_secret_file_that_cannot_be_used_is_an_error(tmp_path: Path, text: str, words: str) -> None:
    assert words in refusal(tmp_path, text)


def test_p87_no_secret_shows_in_a_representation_or_an_error(tmp_path: Path) -> None:
    text = """
    [model]
    api_key = "SENTINEL-1"
    [channels.telegram]
    allow = ["1"]
    token = "SENTINEL-2"
    [channels.slack]
    allow = ["U1"]
    signing_secret = "SENTINEL-3"
    [web]
    token = "SENTINEL-4"
    [database]
    url = "postgresql://tocsin:SENTINEL-5@db/tocsin"
    """

    config = load_text(tmp_path, text).config
    sentence = refusal(tmp_path, text.replace('"SENTINEL-1"', '["SENTINEL-1"]').replace("allow", "alow"))

    assert "SENTINEL" not in repr(config)
    assert "SENTINEL" not in sentence
    assert secrets(config) == {f"SENTINEL-{number}" for number in range(1, 6)}


def test_p87_an_error_in_yaml_names_the_line_and_not_what_stands_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is not YAML: .*line 2") as caught:
        load_text(tmp_path, "a: 1\n  token: SENTINEL: x\n", name="config.yaml")

    assert "SENTINEL" not in str(caught.value)
