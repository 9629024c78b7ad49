"""`tocsin check`: what it finds, and what it leaves as it was."""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cron.stores.json_file import JsonFileStore
from cron.stores.sql import SqlStore
from gateway import home
from gateway.cli.main import run
from gateway.config import CHANNELS_TO_COME
from gateway.home import GatewayLock, Home
from tests.configuration import SEED_TOML
from tests.jobs import new_job

pytestmark = pytest.mark.usefixtures("log_stopped")

Answer = tuple[int, dict[str, list[tuple[str, str]]]]
Check = Callable[..., Answer]


@pytest.fixture(autouse=True)
def own_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture
def place(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    home.prepare(made)
    return made


@pytest.fixture
def check(place: Home, capsys: pytest.CaptureFixture[str]) -> Check:
    """Check the home; the status, and what was found by part."""

    def go(*arguments: str) -> Answer:
        capsys.readouterr()
        status = run(["--home", str(place.path), "check", "--json", *arguments])
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        found: dict[str, list[tuple[str, str]]] = {}
        for finding in document["findings"]:
            found.setdefault(finding["part"], []).append((finding["level"], finding["text"]))
        assert document["ok"] == (status == 0)
        return status, found

    return go


def level(found: dict[str, list[tuple[str, str]]], part: str) -> str:
    return found[part][0][0]


def test_a_fresh_home_is_in_order(check: Check) -> None:
    status, found = check()

    assert status == 0
    assert {level(found, part) for part in ("configuration", "cron", "model", "home", "gateway")} == {"ok"}
    assert found["gateway"] == [("ok", "not running")]


def test_a_home_that_is_not_there_is_no_error_and_stays_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "nowhere"

    status = run(["--home", str(missing), "check"])

    assert status == 0
    assert "is not there yet" in capsys.readouterr().out
    assert not missing.exists()


def test_a_wrong_configuration_is_status_2_and_one_sentence_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[cron]\nenabeld = true\n")

    status = run(["check", "--config", str(file)])

    printed = capsys.readouterr()
    assert status == 2
    assert printed.err == (
        f"tocsin: configuration: {file}: cron.enabeld: unknown key; did you mean cron.enabled?\n"
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("seed.toml", '[cron]\nenabled = true\ntimezone = "UTC"\n'),
        ("seed.yaml", 'cron:\n  enabled: true\n  store_path: "./cron.json"\n'),  # AB-29
        ("xin.toml", "[xin]\nenabled = true\ninterval_minutes = 5\n"),
        ("tasks.toml", SEED_TOML),  # PRX-03
    ],
)
def test_a_file_can_be_checked_alone(check: Check, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)

    status, found = check("--config", str(tmp_path / name))

    assert status == 0
    assert "home" not in found


def test_a_file_that_is_not_there_is_status_2(check: Check, tmp_path: Path) -> None:
    status, found = check("--config", str(tmp_path / "nowhere.toml"))

    assert (status, level(found, "configuration")) == (2, "wrong")


def test_ab75_without_a_channel_it_says_that_nobody_can_be_reached(check: Check, place: Home) -> None:
    _, found = check()
    (place.path / "config.toml").write_text("[channels.console]\nenabled = false\n")

    status, found_off = check()

    assert level(found, "channels") == "warning"
    assert "nobody can be reached in a chat" in found["channels"][0][1]
    assert status == 1
    assert found_off["channels"][0][1].startswith("Message sending not configured")  # AB-75


def test_a_channel_that_nobody_knows_is_wrong(check: Check, place: Home) -> None:
    (place.path / "config.toml").write_text("[channels.telegrm]\n")

    status, found = check()

    assert status == 2
    assert 'no channel is called "telegrm"' in found["channels.telegrm"][0][1]


def test_a_group_without_quotes_in_yaml_is_looked_at_with_the_rest(check: Check, place: Home) -> None:
    (place.path / "bot.token").write_text("1:a")
    (place.path / "bot.token").chmod(0o644)
    text = "channels: {telegram: {token_file: bot.token, groups: {-100123: }}}"
    (place.path / "config.yaml").write_text(text)

    status, found = check("--offline")

    assert (status, level(found, "channels.telegram")) == (0, "ok")
    assert "can be read by everybody" in found["channels.telegram.token_file"][0][1]


def test_p47_two_bots_with_one_token_are_wrong(check: Check, place: Home) -> None:
    same = 'token = "1:a"\nallow = ["1"]'
    (place.path / "config.toml").write_text(
        f'[channels.telegram]\n{same}\n[channels.tg2]\nkind = "telegram"\n{same}'
    )

    status, found = check("--offline")

    assert status == 2
    assert "channels.tg2.token: is the same as channels.telegram.token" in found["configuration"][0][1]


@pytest.mark.parametrize("kind", CHANNELS_TO_COME)
def test_a_channel_that_is_still_to_come_is_a_warning(check: Check, place: Home, kind: str) -> None:
    (place.path / "config.toml").write_text(f'[channels.{kind}]\nwebhook_url = "https://example.org"\n')

    status, found = check()

    assert (status, level(found, f"channels.{kind}")) == (0, "warning")


def test_an_engine_that_is_still_to_come_is_wrong(check: Check, place: Home) -> None:
    (place.path / "config.toml").write_text('[database]\nurl = "postgresql://db/tocsin"')

    status, found = check()

    assert (status, level(found, "database.url")) == (2, "wrong")


def test_jobs_in_the_database_are_counted_and_broken_ones_are_an_error(check: Check, place: Home) -> None:
    (place.path / "config.toml").write_text('[cron]\nstore = "sql"')
    found = [check()[1]["cron.store"]]

    job = SqlStore(place.file("gateway.db")).put(new_job(address=None))
    found.append(check()[1]["cron.store"])
    with closing(sqlite3.connect(place.file("gateway.db"), isolation_level=None)) as connection:
        connection.execute("UPDATE jobs SET body = '{}'")
    found.append(check()[1]["cron.store"])

    assert [level for ((level, _),) in found] == ["ok", "ok", "error"]
    assert job.id in found[2][0][1]


def test_a_file_with_more_jobs_than_it_is_good_for_is_a_warning_that_names_the_other_store(
    check: Check, place: Home
) -> None:
    JsonFileStore(place.file("cron.json")).put_all(new_job(address=None) for _ in range(1001))

    _, found = check()

    ((level, text),) = found["cron.json"]
    assert level == "warning"
    assert 'store = "sql"' in text


def test_a_target_on_a_channel_that_is_not_configured_is_a_warning(check: Check, place: Home) -> None:
    (place.path / "config.toml").write_text('[cron]\ndefault_target = "tg2:1"\n')

    _, found = check()

    assert "add [channels.tg2]" in found["cron.default_target"][0][1]


def test_p37_wide_modes_are_reported_and_left_as_they_are(check: Check, place: Home) -> None:
    jobs = place.path / "cron.json"
    jobs.write_text('{"version": 1, "jobs": []}')
    jobs.chmod(0o644)

    status, found = check()

    assert status == 0
    assert f"{jobs} has mode 0644" in found["home"][0][1]
    assert jobs.stat().st_mode & 0o777 == 0o644


def test_damaged_files_are_errors_and_stay_as_they_are(check: Check, place: Home) -> None:
    (place.path / "cron.json").write_text("{half")
    (place.path / "gateway.db").write_bytes(b"not a database, certainly not")

    status, found = check()

    assert status == 1
    assert (level(found, "cron.json"), level(found, "gateway.db")) == ("error", "error")
    assert (place.path / "cron.json").read_text() == "{half"


def test_ab31_the_jobs_are_looked_for_where_the_configuration_says(check: Check, place: Home) -> None:
    (place.path / "config.toml").write_text('[cron]\nstore_path = "./other.json"\n')
    (place.path / "other.json").write_text('{"version": 1, "jobs": [{}]}')

    _, found = check()

    ((level, text),) = found["other.json"]
    assert level == "error"
    assert "1 of 1 jobs cannot be read and do not fire" in text


def test_a_gateway_that_runs_is_named(check: Check, place: Home) -> None:
    with GatewayLock.take(place, datetime(2026, 3, 1, tzinfo=UTC)):
        _, found = check()

    assert found["gateway"][0][1].startswith(f"running: process {os.getpid()}")


def test_prx04_a_scheduler_that_is_off_is_said(check: Check, place: Home) -> None:
    (place.path / "config.toml").write_text("[cron]\nenabled = false\n")

    _, found = check()

    assert found["cron"][0][1].startswith("disabled, so no job fires")


def test_a_declared_task_that_cannot_be_is_found_before_the_start(check: Check, place: Home) -> None:
    (place.path / "config.toml").write_text(
        '[[cron.tasks]]\nname = "a"\nschedule = "@daily"\nprompt = "x"\nretry = "soon"\n'
    )

    status, found = check()

    assert (status, found["cron.tasks"][0][0]) == (2, "wrong")
    assert found["cron.tasks"][0][1].startswith("cron.tasks \"a\": retry: 'soon' is not one of standard, fast")
