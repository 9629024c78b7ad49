"""Parts by the configuration: which concrete ones it names, and the values that they are given."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from channels.base import Channel, Hooked, Surroundings
from cron import phrases
from cron.clerk import Rules
from cron.endings.alerts import Rule
from cron.endings.spend import Limits, Price, Spend
from cron.making.configured import bounds_of
from cron.making.draft import Maker
from cron.store import JobStore
from cron.stores.json_file import JsonFileStore
from gateway import plugins, zones
from gateway.agent.model import ModelClient
from gateway.callbacks.secret import kept_secret
from gateway.clock import Clock
from gateway.config import CHANNELS_TO_COME, Config
from gateway.database.driver import Driver
from gateway.database.sqlite import SqliteDriver
from gateway.errors import ConfigError
from gateway.home import Home
from gateway.media.receiver import Transcriber
from gateway.messages import ChatAddress, Json
from gateway.metrics import Meter
from gateway.retention import Retention
from gateway.sections import WebSection
from gateway.waiting import CONSOLE

if TYPE_CHECKING:
    from gateway.web.listener import Listener

logger = structlog.get_logger()


def database_path(home: Home, config: Config) -> Path:
    """The file of the embedded database; ConfigError for engines that are not built yet."""
    scheme, _, rest = config.database.url.partition("://")
    if scheme != "sqlite":
        raise ConfigError(f"database.url: {scheme} is not built yet; use sqlite:///gateway.db")
    return home.file(rest.removeprefix("/"))


def database_of(home: Home, config: Config) -> Callable[[], Driver]:
    path = database_path(home, config)
    return lambda: SqliteDriver(path)


def store_of(home: Home, config: Config) -> JobStore:
    if config.cron.store == "sql":
        from cron.stores.sql import SqlStore  # here, so that a home with a file does without it

        return SqlStore(database_path(home, config))
    return JsonFileStore(home.file(config.cron.store_path), tz=config.zone)


def model_of(config: Config, workspace: Path | None = None) -> ModelClient:
    """The configured model; heavy ones are imported here, when they are asked for.

    `workspace`: where the pictures lie that a model is shown which sees.
    """
    section = config.model
    if section.provider == "offline":
        from gateway.agent.models.offline import OfflineModel

        return OfflineModel(partial(phrases.find, languages=config.languages))
    from gateway.agent.models.hosted import HostedSettings, create

    return create(
        HostedSettings(
            provider=section.provider,
            name=section.name,
            base_url=section.base_url,
            api_key=section.api_key,
            idle_timeout=config.agent.idle_timeout,
            pictures=workspace if section.vision else None,
        )
    )


def transcriber_of(config: Config) -> Transcriber | None:
    """Who writes down what was spoken; None: nobody. ConfigError where its address is none."""
    section = config.transcription
    if not section.base_url:
        return None
    from gateway.media.transcription import HttpTranscriber, TranscriptionSettings

    return HttpTranscriber(
        TranscriptionSettings(
            base_url=section.base_url, name=section.name, api_key=section.api_key, timeout=section.timeout
        )
    )


def channels_of(config: Config, clock: Clock, around: Surroundings) -> dict[str, Channel]:
    """The enabled channels of the configuration, besides the console."""
    found: dict[str, Channel] = {}
    for name, section in config.channels.items():
        kind = config.kind_of(name)
        if section.enabled and kind in CHANNELS_TO_COME and kind not in plugins.offered("channels"):
            logger.warning(
                "configuration", note=f"channels.{name}: the channel {kind} is not built yet; it stays off"
            )
        elif section.enabled and kind != CONSOLE:
            module = plugins.find("channels", kind)
            found[name] = module.create(name, config, clock, around)
    return found


def rules_of(config: Config) -> Rules:
    """What holds for new jobs of chats."""
    return Rules(
        languages=config.languages,
        min_interval=config.cron.min_interval,
        at_min_lead=config.cron.at_min_lead,
        zone_is_default=config.timezone is None,
        console_target=target_of(config),
        bounds=bounds_of(config),
    )


def maker_of(config: Config, clock: Clock) -> Maker:
    """The operator, who makes the declared jobs."""
    return Maker(
        now=clock.now(),
        zone=config.zone,
        languages=config.languages,
        min_interval=config.cron.min_interval,
        at_min_lead=config.cron.at_min_lead,
        admin=True,
        bounds=bounds_of(config),
    )


def webhook_secret_of(home: Home, config: Config) -> str:
    """What signs callbacks: the configured secret, else the one of this home, which is made at the first start."""
    return config.http.webhook_secret.get_secret_value() or kept_secret(home.path)


def owners_of(config: Config) -> dict[str, tuple[str, ...]]:
    """Whom each channel can tell about itself."""
    return {name: section.owners for name, section in config.channels.items()}


def target_of(config: Config) -> ChatAddress | None:
    """`cron.default_target` as an address."""
    channel, _, chat = config.cron.default_target.partition(":")
    return ChatAddress(channel=channel, chat=chat) if chat else None


def zone_of(config: Config, address: ChatAddress) -> str:
    """The zone of a chat: the configured one; else the machine's for the console, and UTC."""
    if config.timezone is None and address.channel == CONSOLE:
        return zones.machine()
    return config.zone


def alert_rule_of(config: Config) -> Rule:
    """When somebody is told that a job fails, where the job says nothing itself."""
    section = config.cron.failure_alert
    return Rule(after=section.after, cooldown=section.cooldown)


def spend_of(config: Config) -> Spend:
    """The book of what models cost; the days of owners are those of the configured zone."""
    price = config.model.price
    return Spend(
        limits=Limits(tokens_per_day=config.limits.tokens_per_day, money_per_day=config.limits.money_per_day),
        price=Price(input=price.input, output=price.output),
        zone=config.zone,
        default_target=target_of(config),
    )


def retention_of(config: Config) -> Retention:
    section = config.retention
    return Retention(
        runs_per_job=section.runs_per_job,
        history=timedelta(days=section.days),
        sessions_isolated=section.sessions_isolated,
        dedupe=section.dedupe,
    )


def listener_of(
    home: Home,
    config: Config,
    clock: Clock,
    channels: Mapping[str, Channel],
    *,
    health: Callable[[], dict[str, Json]],
    meter: Meter,
) -> "Listener | None":
    """The HTTP listener, not open yet; None where nothing needs one. ConfigError where it cannot be had.

    `health`: how the gateway is, as `tocsin status --json` shows it; asked before the meter is.
    """
    hooked = [one for one in channels.values() if isinstance(one, Hooked) and one.hooked]
    if config.web is None and not hooked:
        return None
    from gateway.web.application import Parts  # here: starlette and uvicorn, which most homes do without
    from gateway.web.house import open_listener

    def metrics() -> bytes:
        health()  # it tells the meter how many there are of everything
        return meter.exposition()

    parts = Parts(
        health=health,
        metrics=metrics,
        hooks={one.name: one.called for one in hooked},
        counted=meter.answered,
    )
    return open_listener(config.web or WebSection(), home, parts, clock)
