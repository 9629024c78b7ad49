"""Texts of tests as the configuration of a home folder."""

from pathlib import Path

import pytest

from gateway.config import Loaded, load
from gateway.errors import ConfigError

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


def load_text(home: Path, text: str, *, name: str = "config.toml", **environ: str) -> Loaded:
    """Load a text as the home's configuration, under an environment."""
    (home / name).write_text(text, encoding="utf-8")
    return load(home, environ=environ)


def refusal(home: Path, text: str, *, name: str = "config.toml", **environ: str) -> str:
    """The sentence with which a text is refused."""
    with pytest.raises(ConfigError) as caught:
        load_text(home, text, name=name, **environ)
    return str(caught.value)
