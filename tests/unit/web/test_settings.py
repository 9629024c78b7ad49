"""The section [web]."""

from pathlib import Path

import pytest

from tests.configuration import load_text, refusal


def test_by_itself_only_this_machine_can_call_and_nothing_is_on(tmp_path: Path) -> None:  # P-79
    without, given = load_text(tmp_path, ""), load_text(tmp_path, "[web]\n")

    assert without.config.web is None
    assert given.config.web is not None
    assert (given.config.web.host, given.config.web.port) == ("127.0.0.1", 8790)


@pytest.mark.parametrize("name", ["https://bot.example.org", "bot.example.org/x", "*", "a b", ""])
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    assert "web.hosts" in refusal(tmp_path, f'[web]\nhosts = ["{name}"]\n')


def test_names_and_addresses_may_be_added(tmp_path: Path) -> None:
    loaded = load_text(tmp_path, '[web]\nhosts = ["bot.example.org", "192.0.2.7", "[2001:db8::1]"]\n')

    assert loaded.config.web is not None
    assert len(loaded.config.web.hosts) == 3
