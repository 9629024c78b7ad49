"""The quick reading of a few settings, which must be the same as the whole one's."""

from pathlib import Path

import pytest

from gateway import configfile
from gateway.config import load
from gateway.errors import ConfigError
from tests.configuration import SEED_TOML


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
        config = load(home, environ=environ).config
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
