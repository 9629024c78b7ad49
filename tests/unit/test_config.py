"""The configuration: what is accepted, what is refused, and in which words."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr

from gateway import configfile
from gateway.config import Config, Loaded, channel_settings, load, secrets, typed
from gateway.errors import ConfigError

Load = Callable[..., Loaded]

SEED_TOML = """
[cron]
enabled = true
timezone = "UTC"

[[cron.tasks]]
name = "daily-report"
schedule = "0 9 * * *"
action = "agent"
prompt = "Write the daily report."

[[cron.tasks]]
name = "memory-cleanup"
schedule = "0 3 * * *"
action = "agent"
prompt = "Tidy up."

[[cron.tasks]]
name = "repo-check"
schedule = "*/30 * * * *"
action = "shell"
command = "echo hi"
"""

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


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    """Load a text as the home's configuration, under an environment."""

    def load_it(text: str, *, name: str = "config.toml", **environ: str) -> Loaded:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return load(tmp_path, environ=environ)

    return load_it


def refusal(load_text: Load, text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_text(text, **environ)
    return str(caught.value)


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


def test_prx03_the_seeds_cron_block_is_accepted_unchanged(load_text: Load) -> None:
    loaded = load_text(SEED_TOML)

    tasks = loaded.config.cron.tasks
    assert len(loaded.warnings) == 1
    assert 'cron.tasks[3]: "repo-check": shell jobs are not built yet' in loaded.warnings[0]
    assert [(task.name, task.action, task.content) for task in tasks] == [
        ("daily-report", "agent", "Write the daily report."),
        ("memory-cleanup", "agent", "Tidy up."),
        ("repo-check", "shell", "echo hi"),
    ]


def test_prx13_the_seeds_xin_block_is_accepted_with_a_warning(load_text: Load) -> None:
    loaded = load_text(SEED_XIN)

    assert len(loaded.warnings) == 1
    assert "[xin]: this part is not built yet" in loaded.warnings[0]


def test_ab29_the_seeds_yaml_block_is_accepted_unchanged(load_text: Load) -> None:
    cron = load_text(SEED_YAML, name="config.yaml").config.cron

    assert (cron.enabled, cron.store_path) == (True, "./cron.json")


def test_yaml_reads_the_words_on_and_off_as_they_were_meant(load_text: Load) -> None:
    assert load_text("cron: {shell: off}", name="config.yaml").config.cron.shell == "off"


def test_prx05_the_zone_may_stand_in_the_cron_section(load_text: Load) -> None:
    assert load_text('[cron]\ntimezone = "Europe/Berlin"').config.zone == "Europe/Berlin"


def test_two_different_zones_are_an_error(load_text: Load) -> None:
    text = 'timezone = "UTC"\n[cron]\ntimezone = "Europe/Berlin"'

    assert "timezone and cron.timezone are one setting" in refusal(load_text, text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[cron]\nenabeld = true", "cron.enabeld: unknown key; did you mean cron.enabled?"),
        ("[corn]\nenabled = true", "corn: unknown key; did you mean cron?"),
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
def test_an_unknown_key_is_refused_with_the_nearest_known_one(load_text: Load, text: str, words: str) -> None:
    sentence = refusal(load_text, text)

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
def test_a_wrong_value_is_refused_with_its_key_and_the_cure(load_text: Load, text: str, words: str) -> None:
    assert words in refusal(load_text, text)


@pytest.mark.parametrize("name", ["system", "System", "log", "a:b", "a/b", ""])
def test_p70_a_channel_cannot_take_a_name_that_means_something_else(load_text: Load, name: str) -> None:
    assert f"channels.{name}: " in refusal(load_text, f'[channels."{name}"]\nkind = "telegram"')


@pytest.mark.parametrize("entry", ["@bob", "bob@example.org", "Bob", "Bob Smith", "bob", ""])
@pytest.mark.parametrize("key", ["allow", "owners"])
def test_p65_only_immutable_ids_open_a_door(load_text: Load, key: str, entry: str) -> None:
    sentence = refusal(load_text, f'[channels.tg2]\nkind = "telegram"\n{key} = ["{entry}"]')

    assert f'channels.tg2.{key}: "{entry}" is not an immutable id' in sentence


def test_p65_the_members_of_a_group_are_named_by_id_too(load_text: Load) -> None:
    sentence = refusal(load_text, '[channels.telegram.groups."-100"]\nallow = ["@bob"]')

    assert 'channels.telegram.groups.-100.allow: "@bob" is not an immutable id' in sentence


def test_everybody_cannot_be_an_owner(load_text: Load) -> None:
    assert "would make everybody an owner" in refusal(load_text, '[channels.telegram]\nowners = ["*"]')


def test_anybody_and_nobody_are_said_loudly(load_text: Load) -> None:
    loaded = load_text('[channels.telegram]\nallow = ["*"]\n[channels.slack]\n[channels.console]\n')

    assert len(loaded.warnings) == 2
    assert "channels.telegram.allow" in loaded.warnings[0]
    assert "ANYBODY" in loaded.warnings[0]
    assert "channels.slack.allow: is empty, so nobody is answered" in loaded.warnings[1]


def test_ids_may_be_written_as_numbers(load_text: Load) -> None:
    channel = load_text("[channels.telegram]\nallow = [123456]").config.channels["telegram"]

    assert channel.allow == ("123456",)


def test_the_environment_wins_over_the_file(load_text: Load) -> None:
    config = load_text(
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


def test_a_misspelt_variable_is_refused_like_a_key(load_text: Load) -> None:
    sentence = refusal(load_text, "", TOCSIN__CORN__ENABLED="true")

    assert "TOCSIN__ variables" in sentence
    assert "corn: unknown key; did you mean cron?" in sentence


def test_a_broken_list_in_the_environment_names_the_variable(load_text: Load) -> None:
    assert refusal(load_text, "", TOCSIN__LANGUAGES="[en").startswith("TOCSIN__LANGUAGES: ")


def test_a_secret_may_lie_in_a_file_of_its_own(load_text: Load, tmp_path: Path) -> None:
    (tmp_path / "bot.token").write_text("123:abc\n")

    config = load_text('[channels.telegram]\nallow = ["1"]\ntoken_file = "bot.token"').config

    assert config.channels["telegram"].own == {"token": SecretStr("123:abc")}
    assert secrets(config) == {"123:abc"}


def test_a_secret_in_the_environment_wins_over_a_file_that_the_file_names(load_text: Load, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from the file")

    config = load_text('[model]\napi_key_file = "key"', TOCSIN__MODEL__API_KEY="from the environment").config

    assert config.model.api_key.get_secret_value() == "from the environment"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[model]\napi_key_file = "nowhere"', "model.api_key_file: "),
        ('[model]\napi_key = "x"\napi_key_file = "y"', "there is model.api_key too"),
        ("[model]\napi_key_file = 5", "model.api_key_file: must be the path of a file"),
    ],
)
def test_a_secret_file_that_cannot_be_used_is_an_error(load_text: Load, text: str, words: str) -> None:
    assert words in refusal(load_text, text)


def test_p87_no_secret_shows_in_a_representation_or_an_error(load_text: Load) -> None:
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

    config = load_text(text).config
    sentence = refusal(load_text, text.replace('"SENTINEL-1"', '["SENTINEL-1"]').replace("allow", "alow"))

    assert "SENTINEL" not in repr(config)
    assert "SENTINEL" not in sentence
    assert secrets(config) == {f"SENTINEL-{number}" for number in range(1, 6)}


def test_two_configuration_files_are_an_error(load_text: Load) -> None:
    load_text("cron: {}", name="config.yaml")

    assert "there are config.toml and config.yaml; keep one of them" in refusal(load_text, "")


def test_a_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load(tmp_path, environ={})


def test_p87_an_error_in_yaml_names_the_line_and_not_what_stands_there(load_text: Load) -> None:
    with pytest.raises(ConfigError, match=r"is not YAML: .*line 2") as caught:
        load_text("a: 1\n  token: SENTINEL: x\n", name="config.yaml")

    assert "SENTINEL" not in str(caught.value)


def test_the_rate_of_one_channel_is_its_own(load_text: Load) -> None:
    config = load_text("[channels.telegram]\nallow = ['1']\nrate = { per_chat = 2 }").config

    rate = config.channels["telegram"].rate
    assert rate is not None
    assert (rate.per_chat, rate.per_second) == (2, None)
    assert config.outbox.rate.per_second is None  # nobody said: each channel knows its own


class PigeonSettings(BaseModel):
    """What a channel declares of itself."""

    model_config = ConfigDict(extra="forbid")

    loft: str
    token: SecretStr
    owners: tuple[str, ...] = ()


def test_a_channel_gets_its_own_keys_and_the_shared_ones_that_it_declares(load_text: Load) -> None:
    config = load_text('[channels.pigeon]\nloft = "roof"\ntoken = "x"\nallow = ["1"]\nowners = ["2"]').config

    settings = channel_settings(config, "pigeon", PigeonSettings)

    assert settings == PigeonSettings(loft="roof", token=SecretStr("x"), owners=("2",))


def test_a_channels_own_mistakes_are_explained_in_the_same_words() -> None:
    with pytest.raises(ConfigError) as caught:
        typed(PigeonSettings, {"lofft": "x", "token": "SENTINEL"}, where="channels.pigeon")

    assert str(caught.value) == (
        "channels.pigeon.loft: missing; channels.pigeon.lofft: unknown key; did you mean channels.pigeon.loft?"
    )


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        ("", {}),
        (SEED_TOML, {}),
        ('timezone = "Asia/Tokyo"\nlanguages = ["de"]', {}),
        ('[cron]\ntimezone = "Asia/Tokyo"\nstore = "sql"\nstore_path = "./jobs.json"\nenabled = false', {}),
        ('[cron]\ndefault_target = "telegram:1"\n[database]\nurl = "sqlite:///other.db"', {}),
        ('[cron]\nstore_path = "a.json"', {"TOCSIN__CRON__STORE_PATH": "b.json", "TOCSIN__CRON__ENABLED": "no"}),
        ("[cron]\nenabled = true", {"TOCSIN__LANGUAGES": "de,fr", "TOCSIN__TIMEZONE": "Europe/Berlin"}),
        ("", {"TOCSIN__LANGUAGES": '["de"]', "tocsin__database__url": "sqlite:///x.db"}),
        ("languages = 5", {}),
        ("timezone = 'Mars/Olympus'", {}),
        ('timezone = "UTC"\n[cron]\ntimezone = "Asia/Tokyo"', {}),
        ("[cron]\nstore_path = 5", {}),
        ("[cron]\nenabled = 'perhaps'", {}),
        ("cron = 5", {}),
        ("", {"TOCSIN__CRON": "x", "TOCSIN__CRON__STORE": "sql"}),
    ],
)
def test_the_quick_reading_agrees_with_the_whole_one(tmp_path: Path, text: str, environ: dict[str, str]) -> None:
    (tmp_path / "config.toml").write_text(text)

    assert _quick(tmp_path, environ) == _whole(tmp_path, environ)


def _quick(home: Path, environ: dict[str, str]) -> configfile.Essentials | str:
    try:
        return configfile.essentials(home, environ)
    except ConfigError:
        return "refused"


def _whole(home: Path, environ: dict[str, str]) -> configfile.Essentials | str:
    try:
        config: Config = load(home, environ=environ).config
    except ConfigError:
        return "refused"
    return configfile.Essentials(
        timezone=config.timezone,
        languages=config.languages,
        cron_enabled=config.cron.enabled,
        store=config.cron.store,
        store_path=config.cron.store_path,
        default_target=config.cron.default_target,
        database_url=config.database.url,
    )
