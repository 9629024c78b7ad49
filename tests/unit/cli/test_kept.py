"""The jobs and tables of a home folder, as commands find them."""

import pytest

from cron.stores.json_file import JsonFileStore
from cron.stores.sql import SqlStore
from gateway.errors import ConfigError
from tests.command_line import CommandLine
from tests.jobs import new_job


@pytest.mark.parametrize("path", ["jobs.json", "./elsewhere/jobs.json"])
def test_the_path_of_the_store_is_honoured_and_relative_to_the_home(tocsin: CommandLine, path: str) -> None:
    tocsin.configure(f'[cron]\nstore_path = "{path}"\n')

    tocsin.add("--name", "up", "--say", "Stand up!", "--every", "1h")

    assert [job.name for job in JsonFileStore(tocsin.path / path).load().values()] == ["up"]  # C-27, AB-31
    assert not (tocsin.path / "cron.json").exists()


def test_the_database_keeps_the_jobs_where_that_is_asked_for(tocsin: CommandLine) -> None:
    tocsin.configure('[cron]\nstore = "sql"\n')

    made = tocsin.add("--name", "up", "--say", "Stand up!", "--every", "1h")

    assert list(SqlStore(tocsin.path / "gateway.db").load()) == [made["uid"]]
    assert tocsin.job("up")["id"] == made["id"]
    assert not (tocsin.path / "cron.json").exists()


@pytest.mark.parametrize("store", ["json", "sql"])
def test_a_change_of_the_jobs_is_seen_by_their_stamp(tocsin: CommandLine, store: str) -> None:
    tocsin.configure(f'[cron]\nstore = "{store}"\n')
    stamps = [tocsin.kept.jobs_stamp()]

    tocsin.kept.jobs.put(new_job())
    stamps.append(tocsin.kept.jobs_stamp())
    tocsin("cron", "list")
    stamps.append(tocsin.kept.jobs_stamp())

    assert stamps[0] is None
    assert stamps[0] != stamps[1] == stamps[2]


def test_a_store_that_nobody_knows_is_a_sentence(tocsin: CommandLine) -> None:
    tocsin.configure('[cron]\nstore = "xml"\n')

    with pytest.raises(ConfigError, match='"json" or "sql"'):
        _ = tocsin.kept.jobs
