"""The configuration: one file and the environment, as typed values.

`load` gives `Config`, or a ConfigError that names the file, the whole key and the cure. Without a file every
setting has its default: the console, the JSON store and the offline model.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gateway import configfile, zones
from gateway.configfile import Table
from gateway.errors import ConfigError
from gateway.explain import explain
from gateway.messages import SYSTEM
from gateway.secrets import from_files, texts
from gateway.sections import (
    ANYBODY,
    ID_FORMS,
    AgentSection,
    ChannelSection,
    CronSection,
    DatabaseSection,
    HeartbeatSection,
    HttpSection,
    Items,
    LimitsSection,
    LoggingSection,
    MediaSection,
    ModelSection,
    OutboxSection,
    RetentionSection,
    ToolsSection,
    TranscriptionSection,
    WebSection,
    check_credentials,
    check_ids,
)

COMING = ("sandbox", "xin", "security", "event")
"""Sections of parts that are not built yet: accepted, with a warning."""

CHANNELS_TO_COME = ("web",)
"""Kinds of channels that are not built yet: a configuration may name them already, and they stay off."""

RESERVED = (SYSTEM, "log", "command", "cron", "session")
"""Channels that are always there and that nobody configures, and what keys of sessions begin with."""

WITHOUT_EFFECT = ("limits.creations_per_hour",)
"""Keys that are read, and belong to what is not built yet: accepted, with a warning."""

CHANNEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z]{2,8})?")

SomeModel = TypeVar("SomeModel", bound=BaseModel)


class Config(BaseModel):
    """Everything that the operator may set. Its fields are the file's sections."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timezone: str | None = None  # None: nobody said; the console then takes the machine's, the rest UTC
    languages: Items = configfile.DEFAULT_LANGUAGES
    model: ModelSection = ModelSection()
    agent: AgentSection = AgentSection()
    channels: dict[str, ChannelSection] = Field(default_factory=dict)
    cron: CronSection = CronSection()
    outbox: OutboxSection = OutboxSection()
    retention: RetentionSection = RetentionSection()
    limits: LimitsSection = LimitsSection()
    tools: ToolsSection = ToolsSection()
    database: DatabaseSection = DatabaseSection()
    logging: LoggingSection = LoggingSection()
    heartbeat: HeartbeatSection = HeartbeatSection()
    http: HttpSection = HttpSection()
    media: MediaSection = MediaSection()
    transcription: TranscriptionSection = TranscriptionSection()
    web: WebSection | None = None  # None: on when something needs it, with these defaults
    sandbox: Table | None = Field(default=None, repr=False)
    xin: Table | None = Field(default=None, repr=False)
    security: Table | None = Field(default=None, repr=False)
    event: Table | list[Table] | None = Field(default=None, repr=False)

    @classmethod
    def layered(cls, *, environment: Table, file: Table) -> Self:
        """The environment over the file over the defaults."""
        return cls.model_validate(_laid_over(file, environment))

    @field_validator("languages")
    @classmethod
    def _language_codes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for item in value:
            if not LANGUAGE.fullmatch(item):
                raise ValueError(f'has "{item}", which is no language code; write codes such as "en" and "zh"')
        return value

    @field_validator("channels")
    @classmethod
    def _channel_names(cls, channels: dict[str, ChannelSection]) -> dict[str, ChannelSection]:
        for name, channel in channels.items():
            if name.lower() in RESERVED:
                raise ValueError(f".{name}: this name belongs to the gateway itself; choose another and add kind")
            if not CHANNEL_NAME.fullmatch(name):
                raise ValueError(f'.{name}: a channel is named with letters, digits, ".", "_" and "-" only')
            check_ids(name, channel)
        check_credentials(channels)
        return channels

    @model_validator(mode="before")
    @classmethod
    def _one_timezone(cls, table: Table) -> Table:
        cron = table.get("cron")
        zone = cron.get("timezone") if isinstance(cron, dict) else None
        top = table.get("timezone")
        if zone is not None and top is not None and zone != top:
            raise ValueError("timezone and cron.timezone are one setting; keep one of them")
        return table if zone is None else {**table, "timezone": zone}

    @field_validator("timezone")
    @classmethod
    def _a_zone(cls, value: str | None) -> str | None:
        return value if value is None else zones.check(value)

    @property
    def zone(self) -> str:
        """The zone of jobs and chats that have none of their own."""
        return self.timezone or zones.UTC

    def kind_of(self, name: str) -> str:
        """What kind of channel the instance of this name is."""
        return self.channels[name].kind or name


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The configuration, where it came from, and what the operator should be told about it."""

    config: Config
    file: Path | None
    warnings: tuple[str, ...]


def load(home: Path, *, file: Path | None = None, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Read the home folder's configuration, or `file` instead, under the environment.

    Relative paths of secret files count from the home folder. Nothing is written.
    """
    file = file or configfile.find(home)
    table = read(file) if file else {}
    where = str(file) if file else "environment"
    over = configfile.respell(configfile.environment(environ), table)
    try:
        config = Config.layered(
            environment=from_files(over, home, "environment"), file=from_files(table, home, where)
        )
    except ValidationError as error:
        where = f"{where} with the TOCSIN__ variables over it" if file and over else where
        raise ConfigError(explain(error, Config, where=where)) from None  # its own text would show secrets
    return Loaded(config=config, file=file, warnings=tuple(_warnings(config, where)))


def read(file: Path) -> Table:
    """The file's tables. A key that YAML takes for a number, such as the id of a group, is text as in TOML."""
    return {key: _with_text_keys(value) for key, value in configfile.read(file).items()}


def typed(model: type[SomeModel], table: Table, *, where: str) -> SomeModel:
    """A channel's own table as its Settings; ConfigError in the same words as for everything else.

    `where` is the dotted name of the table, such as "channels.telegram".
    """
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise ConfigError(explain(error, model, prefix=where)) from None


def channel_settings(config: Config, name: str, model: type[SomeModel]) -> SomeModel:
    """The Settings of one instance of a channel, from its own keys and the shared ones that it declares too."""
    channel = config.channels[name]
    shared = {key: getattr(channel, key) for key in channel.model_fields_set & set(model.model_fields)}
    return typed(model, shared | channel.own, where=f"channels.{name}")


def secrets(config: Config) -> frozenset[str]:
    """Every secret that the configuration holds, for the log to leave out."""
    found = {config.model.api_key.get_secret_value(), *config.heartbeat.secrets}
    found.add(config.http.webhook_secret.get_secret_value())
    found.add(config.transcription.api_key.get_secret_value())
    found.add(config.web.token.get_secret_value() if config.web else "")
    for task in config.cron.tasks:
        found.update(task.secrets)
    for channel in config.channels.values():
        found.update(texts(channel.own))
    for section in COMING:
        found.update(texts(getattr(config, section)))
    user, at, _ = config.database.url.partition("://")[2].rpartition("@")
    if at:
        found.add(user.partition(":")[2])
    return frozenset(found - {""})


def _laid_over(under: Table, over: Table) -> Table:
    """Both tables as one; where both have a value, that of `over` counts."""
    both = {key: _laid_over(under[key], over[key]) for key in over if _is_table(under.get(key), over[key])}
    return {**under, **over, **both}


def _is_table(*values: object) -> bool:
    return all(isinstance(value, dict) for value in values)


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _with_text_keys(below) for key, below in value.items()}
    return [_with_text_keys(item) for item in value] if isinstance(value, list) else value


def _warnings(config: Config, where: str) -> Iterator[str]:
    for section in COMING:
        if getattr(config, section) is not None:
            yield f"{where}: [{section}]: this part is not built yet, so its settings have no effect"
    for number, task in enumerate(config.cron.tasks, start=1):
        if task.action == "shell":
            yield f'{where}: cron.tasks[{number}]: "{task.name}": the sandbox is not built yet, so its runs fail'
    for key in WITHOUT_EFFECT:
        section, _, name = key.partition(".")
        if name in getattr(config, section).model_fields_set:
            yield f"{where}: {key}: this is not built yet, so it has no effect"
    if config.heartbeat.url.get_secret_value() and not config.cron.enabled:
        yield f"{where}: heartbeat.url: [cron] enabled is false, and no heartbeat is sent without a scheduler"
    if config.transcription.model_fields_set and not config.transcription.base_url:
        yield f"{where}: transcription.base_url: missing, so nobody writes down voice messages"
    for name, channel in config.channels.items():
        if not channel.enabled or config.kind_of(name) not in ID_FORMS:  # the others have no strangers
            continue
        if ANYBODY in channel.allow:
            yield f'{where}: channels.{name}.allow: "*" lets ANYBODY who finds this bot talk to it'
        elif not (channel.allow or channel.owners or channel.groups):
            only = " but whoever `tocsin pair approve` lets in" if channel.pairing else ""
            yield f"{where}: channels.{name}.allow: is empty, so nobody is answered there{only}"
