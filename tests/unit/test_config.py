"""The configuration: what is accepted, what is refused, and in which words."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.config import load
from gateway.errors import ConfigError
from tests.configuration import SEED_TOML, load_text, refusal

SEED_XIN = """
[xin]
enabled = true
interval_minutes = 5
max_concurrent = 4
max_tasks = 128
stale_timeout_minutes = 60
builtin_tasks = true
evolution_integration = false
"""

SEED_YAML = """
cron:
  enabled: true
  store_path: ./cron.json
"""


def test_without_a_file_every_setting_has_its_default(tmp_path: Path) -> None:
    loaded = load(tmp_path, environ={})

    config = loaded.config
    assert loaded.file is None
    assert loaded.warnings == ()
    assert (config.zone, config.timezone, config.languages) == ("UTC", None, ("en", "zh"))
    assert config.model.provider == "offline"
    assert config.agent.timeout == timedelta(minutes=10)
    assert (config.cron.store_path, config.cron.store, config.cron.shell) == ("cron.json", "json", "admin")
    assert config.cron.min_interval == timedelta(seconds=60)
    assert config.retention.dedupe == timedelta(days=7)
    assert config.database.url == "sqlite:///gateway.db"


def test_prx03_the_seeds_cron_block_is_accepted_unchanged(tmp_path: Path) -> None:
    loaded = load_text(tmp_path, SEED_TOML)

    tasks = loaded.config.cron.tasks
    assert len(loaded.warnings) == 1
    assert 'cron.tasks[3]: "repo-check": the sandbox is not built yet, so its runs fail' in loaded.warnings[0]
    assert [(task.name, task.action, task.content) for task in tasks] == [
        ("daily-report", "agent", "Write the daily report."),
        ("memory-cleanup", "agent", "Tidy up."),
        ("repo-check", "shell", "echo hi"),
    ]


def test_prx13_the_seeds_xin_block_is_accepted_with_a_warning(tmp_path: Path) -> None:
    loaded = load_text(tmp_path, SEED_XIN)

    assert len(loaded.warnings) == 1
    assert "[xin]: this part is not built yet" in loaded.warnings[0]


def test_ab29_the_seeds_yaml_block_is_accepted_unchanged(tmp_path: Path) -> None:
    cron = load_text(tmp_path, SEED_YAML, name="config.yaml").config.cron

    assert (cron.enabled, cron.store_path) == (True, "./cron.json")


def test_yaml_reads_the_words_on_and_off_as_they_were_meant(tmp_path: Path) -> None:
    assert load_text(tmp_path, "cron: {shell: off}", name="config.yaml").config.cron.shell == "off"


def test_prx05_the_zone_may_stand_in_the_cron_section(tmp_path: Path) -> None:
    assert load_text(tmp_path, '[cron]\ntimezone = "Europe/Berlin"').config.zone == "Europe/Berlin"


def test_two_different_zones_are_an_error(tmp_path: Path) -> None:
    text = 'timezone = "UTC"\n[cron]\ntimezone = "Europe/Berlin"'

    assert "timezone and cron.timezone are one setting" in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[cron]\nenabeld = true", "cron.enabeld: unknown key; did you mean cron.enabled?"),
        ("[corn]\nenabled = true", "corn: unknown key; did you mean cron?"),
        ("[telegram]\ntoken = 'x'", "telegram: unknown key; did you mean channels.telegram?"),
        ("storePath = 'x'", "storePath: unknown key; did you mean cron.store_path?"),
        ("[cron]\nmax_turns = 3", "cron.max_turns: unknown key; did you mean agent.max_turns?"),
        ("[cron]\nzzz = 3", "cron.zzz: unknown key; did you mean cron."),
        ("[[cron.tasks]]\nnmae = 'x'", "cron.tasks[1].nmae: unknown key; did you mean cron.tasks[1].name?"),
        (
            "[channels.telegram.groups.-1]\nmentoin = true",
            "channels.telegram.groups.-1.mentoin: unknown key; did you mean channels.telegram.groups.-1.mention?",
        ),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(tmp_path: Path, text: str, words: str) -> None:
    sentence = refusal(tmp_path, text)

    assert "config.toml: " in sentence
    assert words in sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[cron]\nenabled = 'perhaps'", "cron.enabled: must be true or false"),
        ("[cron]\nmax_concurrent = 'x'", "cron.max_concurrent: must be a whole number"),
        ("[cron]\nmax_concurrent = 0", "cron.max_concurrent: must be at least 1"),
        (
            "[cron]\nmin_interval = '10ms'",
            "cron.min_interval: is not a duration; write a number of seconds, or 30s",
        ),
        ("[cron]\nmin_interval = 0", "cron.min_interval: must be at least 1 second"),
        ("[cron]\nstore = 'xml'", 'cron.store: must be "json" or "sql"'),
        ("[cron]\nstore_path = 'jobs/'", "cron.store_path: must be the path of a file"),
        ("[cron]\ndefault_target = 'telegram'", "cron.default_target: must be channel:chat"),
        ("cron = 5", "cron: must be a section with keys of its own"),
        ("[channels]\ntelegram = 5", "channels.telegram: must be a section with keys of its own"),
        ("languages = ['klingon']", 'languages: has "klingon", which is no language code'),
        ("timezone = 'Europe/Berln'", "timezone: is not a time zone (did you mean Europe/Berlin?)"),
        ("[model]\nname = 5", "model.name: must be text in quotes"),
        ("[model]\nprovider = 'openai'", "model.name: missing"),
        ("[model]\nprovider = 'openai'\nname = 'x'", "model.api_key: missing"),
        ("[model.price]\ninput = -1", "model.price.input: must be at least 0"),
        ("[database]\nurl = 'oracle://x'", "database.url: must start with sqlite:///"),
        ("[[cron.tasks]]\nname = 'a'\nschedule = '@daily'", "cron.tasks[1].prompt: missing"),
        (
            "[[cron.tasks]]\nname = 'a'\nschedule = '@daily'\nprompt = 'x'\ncommand = 'y'",
            'cron.tasks[1].command: does not go with action = "agent"',
        ),
        (
            "[[cron.tasks]]\nname='a'\nschedule='1'\nprompt='x'\n[[cron.tasks]]\nname='a'\nschedule='1'\nprompt='x'",
            'cron.tasks: two tasks have the name "a"',
        ),
        ("x = ", "is not TOML: Invalid value"),
    ],
)
def test_a_wrong_value_is_refused_with_its_key_and_the_cure(tmp_path: Path, text: str, words: str) -> None:
    assert words in refusal(tmp_path, text)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    config = load_text(
        tmp_path,
        '[cron]\nmax_concurrent = 2\nstore_path = "a.json"\n[channels.TG]\nkind = "telegram"\ntoken = "old"',
        TOCSIN__CRON__MAX_CONCURRENT="7",
        TOCSIN__LANGUAGES="de, fr",
        TOCSIN__CHANNELS__TG__TOKEN="1e5",
        TOCSIN__CHANNELS__TG__ALLOW='["1", "2"]',
    ).config

    assert config.cron.max_concurrent == 7
    assert config.cron.store_path == "a.json"
    assert config.languages == ("de", "fr")
    assert config.channels["TG"].allow == ("1", "2")
    assert config.channels["TG"].own["token"].get_secret_value() == "1e5"


def test_a_misspelt_variable_is_refused_like_a_key(tmp_path: Path) -> None:
    sentence = refusal(tmp_path, "", TOCSIN__CORN__ENABLED="true")

    assert "TOCSIN__ variables" in sentence
    assert "corn: unknown key; did you mean cron?" in sentence


def test_a_broken_list_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    assert refusal(tmp_path, "", TOCSIN__LANGUAGES="[en").startswith("TOCSIN__LANGUAGES: ")


def test_two_configuration_files_are_an_error(tmp_path: Path) -> None:
    load_text(tmp_path, "cron: {}", name="config.yaml")

    assert "there are config.toml and config.yaml; keep one of them" in refusal(tmp_path, "")


def test_a_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load(tmp_path, environ={})
