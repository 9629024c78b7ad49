"""`tocsin init`."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.init import Choices, text
from gateway.cli.main import run
from gateway.config import load


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_first_file_is_private_and_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home"

    status = run(["init", "--yes", "--home", str(home)])

    file = home / "config.toml"
    assert status == 0
    assert f"{file}: written" in capsys.readouterr().out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert load(home, environ={}).warnings == ()


@pytest.mark.parametrize("name", ["config.toml", "config.yaml"])
def test_a_file_that_is_there_is_left_alone(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).write_text("# mine\n")

    status = run(["init", "--yes", "--json", "--home", str(tmp_path)])

    answer = json.loads(capsys.readouterr().out)
    assert (status, answer["created"], answer["config"]) == (0, False, str(tmp_path / name))
    assert (tmp_path / name).read_text() == "# mine\n"
    assert [path.name for path in tmp_path.glob("config.*")] == [name]


def test_what_was_chosen_is_what_is_read_back(tmp_path: Path) -> None:
    choices = Choices(
        timezone="Asia/Shanghai",
        provider="openai",
        model='a "quoted" 模型 🙂',
        base_url="http://127.0.0.1:8000/v1",
        api_key="back\\slash",
    )

    (tmp_path / "config.toml").write_text(text(choices), encoding="utf-8")

    config = load(tmp_path, environ={}).config
    assert config.zone == "Asia/Shanghai"
    assert (config.model.provider, config.model.name, config.model.base_url) == (
        "openai",
        'a "quoted" 模型 🙂',
        "http://127.0.0.1:8000/v1",
    )
    assert config.model.api_key.get_secret_value() == "back\\slash"


def test_every_line_that_is_a_comment_can_be_switched_on(tmp_path: Path) -> None:
    lines = text(Choices(timezone="UTC")).splitlines()
    switched = [line.removeprefix("# ") if line.startswith("# [") or " = " in line else line for line in lines]
    switched = [line for line in switched if not line.startswith("api_key_file")]

    (tmp_path / "config.toml").write_text("\n".join(switched))

    config = load(tmp_path, environ={}).config
    assert config.channels["telegram"].owners == ("123456",)
    assert config.cron.default_target == "telegram:123456"
