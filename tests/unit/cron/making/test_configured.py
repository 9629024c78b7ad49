"""Jobs of the configuration file, from its text to the values that the scheduler is given."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cron.job import AgentPrompt, Job, Say, Shell
from cron.making.configured import bounds_of, tasks_of
from cron.making.declared import following
from cron.making.draft import Maker
from cron.policy import Delivery, DeliveryMode, Exclude, FailureAlert, Hook, OutputFormat, Retry
from cron.schedule import Cron
from gateway import config
from gateway.errors import ConfigError
from gateway.messages import ChatAddress
from tests.configuration import SEED_TOML
from tests.fakes import NOON

SEED_YAML = """\
cron:
  enabled: true
  store_path: "./cron.json"
"""

FULL_TOML = """\
[[cron.tasks]]
name = "sales"
when = "every weekday at 6pm"
tz = "Europe/Berlin"
prompt = "Sum up."
channel = "telegram"
to = 5
start_at = 2026-04-01T00:00:00Z
expires_at = "2027-04-01T00:00"
exclude = { dates = [2026-12-24], holidays = "DE" }
retry = { retries = 4, backoff = [10, "1m"] }
delivery = { mode = "webhook", to = "https://example.org/x" }
failure_alert = { channel = "telegram", to = 5, after = 1 }
output_schema = { type = "object", required = ["total"] }
"""

FULL_YAML = """\
cron:
  tasks:
    - name: sales
      when: every weekday at 6pm
      tz: Europe/Berlin
      prompt: Sum up.
      channel: telegram
      to: 5
      start_at: 2026-04-01T00:00:00Z
      expires_at: 2027-04-01T00:00
      exclude: {dates: [2026-12-24], holidays: DE}
      retry: {retries: 4, backoff: [10, 1m]}
      delivery: {mode: webhook, to: "https://example.org/x"}
      failure_alert: {channel: telegram, to: 5, after: 1}
      output_schema: {type: object, required: [total]}
"""


def declared(tmp_path: Path, text: str, name: str = "config.toml") -> dict[str, Job]:
    (tmp_path / name).write_text(text)
    loaded = config.load(tmp_path, environ={}).config
    maker = Maker(now=NOON, zone=loaded.zone, languages=loaded.languages, admin=True, bounds=bounds_of(loaded))
    return {job.name: job for job in following({}, tasks_of(loaded), maker)}


def test_the_three_tasks_of_the_seed_become_three_jobs(tmp_path: Path) -> None:
    """PRX-03, PRX-06, PRX-08..12."""
    jobs = declared(tmp_path, SEED_TOML)

    assert {name: (job.schedule, job.payload) for name, job in jobs.items()} == {
        "daily-report": (Cron("0 9 * * *", "UTC"), AgentPrompt(prompt="Write the daily report.")),
        "memory-cleanup": (Cron("0 3 * * *", "UTC"), AgentPrompt(prompt="Tidy up.")),
        "repo-check": (Cron("*/30 * * * *", "UTC"), Shell(command="echo hi")),
    }


def test_the_block_of_the_other_seed_is_accepted_in_yaml(tmp_path: Path) -> None:
    """AB-29, AB-30, AB-31 (the key)."""
    (tmp_path / "config.yaml").write_text(SEED_YAML)

    loaded = config.load(tmp_path, environ={})
    (tmp_path / "config.yaml").write_text(SEED_YAML.replace("true", "false"))
    off = config.load(tmp_path, environ={})

    assert (loaded.warnings, loaded.config.cron.enabled, loaded.config.cron.store_path) == (
        (),
        True,
        "./cron.json",
    )
    assert not off.config.cron.enabled


@pytest.mark.parametrize(("name", "text"), [("config.toml", FULL_TOML), ("config.yaml", FULL_YAML)])
def test_a_task_has_all_settings_under_the_same_names_in_toml_and_yaml(
    name: str, text: str, tmp_path: Path
) -> None:
    """C-06."""
    extra = '\n[channels.telegram]\nenabled = false\ntoken = "1:a"\n' if name == "config.toml" else ""

    (job,) = declared(tmp_path, text + extra, name).values()

    chat = ChatAddress(channel="telegram", chat="5")
    assert job.schedule == Cron("0 18 * * 1-5", "Europe/Berlin")
    assert (job.address, job.failure_alert) == (chat, FailureAlert(after=1, address=chat))
    assert (job.start_at, job.expires_at) == (
        datetime(2026, 4, 1, tzinfo=UTC),
        datetime(2027, 3, 31, 22, tzinfo=UTC),
    )
    assert job.exclude == Exclude(dates=(datetime(2026, 12, 24).date(),), holidays="DE")  # noqa: DTZ001
    assert job.retry.attempts == Retry(attempts=5).attempts
    assert job.delivery == Delivery(mode=DeliveryMode.WEBHOOK, hook=Hook(url="https://example.org/x"))
    assert (job.output_format, job.output_schema) == (
        OutputFormat.STRUCTURED,
        {"type": "object", "required": ["total"]},
    )


def test_a_task_may_say_exact_words(tmp_path: Path) -> None:
    (job,) = declared(
        tmp_path, '[[cron.tasks]]\nname = "tea"\nevery = "1h"\naction = "say"\ntext = "Tea"\nnag = "5m"'
    ).values()

    assert job.payload == Say(text="Tea")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = 'a'\nprompt = 'x'", "cron.tasks[1].schedule: missing"),
        ("name = 'a'\nprompt = 'x'\nevery = '1h'\ncron = '@daily'", "cron.tasks[1].cron: is given beside every"),
        ("name = 'a'\nprompt = 'x'\nevery = '1h'\nto = '5'", "cron.tasks[1].channel: goes with `to`"),
        ("name = 'a'\nprompt = 'x'\nevery = '1h'\nretrys = 5", "did you mean cron.tasks[1].retry?"),
    ],
)
def test_a_task_that_is_wrong_names_its_key(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(f"[[cron.tasks]]\n{text}\n")

    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path, environ={})

    assert words in str(caught.value)


def test_the_tokens_of_a_task_are_secrets(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        '[[cron.tasks]]\nname = "a"\nevery = "1h"\nprompt = "x"\n'
        'delivery = { mode = "webhook", to = "https://example.org", token = "hush-hush" }\n'
        'on_fail = { url = "https://example.org", token = "quiet" }\n'
    )

    loaded = config.load(tmp_path, environ={}).config

    assert {"hush-hush", "quiet"} <= config.secrets(loaded)
    assert "hush-hush" not in repr(loaded)
