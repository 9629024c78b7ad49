"""The sections of the configuration, one model each: their keys, defaults and limits."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator

from gateway import configfile, durations
from gateway.callbacks import signing
from gateway.configfile import Table
from gateway.outgoing.addresses import Allowed
from gateway.secrets import SECRET_KEY
from gateway.tasks import DeclaredTask

ANYBODY = "*"

ID_FORMS = {
    "telegram": (re.compile(r"-?\d+"), "a number such as 123456"),
    "slack": (re.compile(r"[UWB][A-Z0-9]+"), "an id such as U012ABCDEF"),
    "feishu": (re.compile(r"ou_\w+"), "an open id such as ou_84aad35d"),
}
"""What an immutable user id looks like; here, so that a display name is refused before any channel is imported."""

GROUP_FORMS = {
    "telegram": (re.compile(r"-[0-9]+"), 'a negative number such as "-1001234567890"'),
    "slack": (re.compile(r"[CG][A-Z0-9]+"), "an id such as C012ABCDEF"),
    "feishu": (re.compile(r"oc_\w+"), "an id such as oc_a0553eda"),
}
"""What a group's id looks like: a key of another form would never match."""

_NO_ID = "not an immutable id (names and addresses can be taken over by somebody else)"
CREDENTIALS = ("token", "bot_token", "app_id")
"""Keys that say who a channel is on its platform, where only one may read for it."""

_WEB_ADDRESS = re.compile(r"https?://[^\s/]+(?:/\S*)?", re.IGNORECASE)
_HOST_NAME = re.compile(r"[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]")
_SECRET_PIECE = re.compile(r"(?=.*\d).{8,}|.{20,}")  # not words such as "heartbeat", which the log needs


def _items(value: object) -> object:
    """A list of texts; `a,b` (from the environment) is one too, and numbers are ids without their quotes."""
    if isinstance(value, str):
        value = [item.strip() for item in value.split(",") if item.strip()]
    if isinstance(value, list):
        return [str(item) if isinstance(item, int) and not isinstance(item, bool) else item for item in value]
    return value


Duration = Annotated[timedelta, BeforeValidator(durations.parse)]
Items = Annotated[tuple[str, ...], BeforeValidator(_items)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A section of the file: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Price(Section):
    """Money per million tokens."""

    input: float = Field(default=0.0, ge=0)
    output: float = Field(default=0.0, ge=0)


class ModelSection(Section):
    """Which language model answers."""

    provider: Literal["offline", "openai", "anthropic"] = "offline"
    name: str = ""
    base_url: str = ""
    api_key: SecretStr = SecretStr("")
    price: Price = Price()
    choices: Items = ()  # other models of the provider that a chat may choose with /model
    vision: bool = False  # it is shown the pictures that people send

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.provider == "offline":
            return self
        if not self.name:
            raise ValueError(".name: missing; write which model of the provider to use")
        if not self.api_key.get_secret_value() and not self.base_url:
            raise ValueError(".api_key: missing; write it here, or the path of a file with it in api_key_file")
        return self


class AgentSection(Section):
    """How much one turn may do."""

    max_turns: Count = 8
    max_steps: Count = 30
    timeout: Duration = timedelta(minutes=10)
    idle_timeout: Duration = timedelta(seconds=90)
    context_tokens: int = Field(default=32_000, ge=1_000)
    debounce: Duration = Field(
        default=timedelta(), le=timedelta(seconds=30)
    )  # what one person sends within it is one
    steer: bool = True  # what is said during a turn joins its next step; False: it waits for its own turn
    stream: bool = False  # answers grow before their reader's eyes, where the channel edits well
    progress: bool = True  # a long turn shows there that it works


class Rate(Section):
    """How fast a channel may be spoken to; None leaves the channel's own default."""

    per_second: float | None = Field(default=None, gt=0)
    per_chat: float | None = Field(default=None, gt=0)
    per_group_minute: float | None = Field(default=None, gt=0)


class Group(Section):
    """A group that is answered."""

    mention: bool = True  # only when the bot is mentioned
    allow: Items | None = None  # None: whoever the channel allows
    context: int = Field(default=0, ge=0, le=200)  # messages not meant for the bot that it sees at its next turn


class ChannelSection(BaseModel):
    """One instance of a channel: what all channels share, typed; the rest in `own`, for the channel to type."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str = ""  # empty: the name of the instance
    enabled: bool = True
    allow: Items = ()
    owners: Items = ()
    groups: dict[str, Group] = Field(default_factory=dict)
    pairing: bool = True  # a stranger in a private chat gets a code, which an owner may approve
    stream: bool | None = None  # None: as [agent] says
    react: bool = False  # what a person wrote is acknowledged by a small sign under it, where the channel can
    rate: Rate | None = None

    @model_validator(mode="before")
    @classmethod
    def _hide_secrets(cls, table: object) -> object:
        if not isinstance(table, dict):
            return table
        return {
            key: SecretStr(value) if isinstance(value, str) and SECRET_KEY.search(key) else value
            for key, value in table.items()
        }

    @field_validator("groups", mode="before")
    @classmethod
    def _yaml_groups(cls, groups: object) -> object:
        if not isinstance(groups, dict):
            return groups
        # `-100123:` alone on a line of YAML is a number without a value.
        return {str(chat): {} if rule is None else rule for chat, rule in groups.items()}

    @property
    def own(self) -> Table:
        """What only the channel itself knows; secrets are SecretStr already."""
        return dict(self.model_extra or {})

    @property
    def credentials(self) -> dict[str, str]:
        """Who it is on its platform, in the clear: only to compare."""
        given = {key: self.own[key] for key in CREDENTIALS if self.own.get(key)}
        return {
            key: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for key, value in given.items()
        }


class FailureAlertSection(Section):
    """When somebody is told that a job keeps failing."""

    after: Count = 3
    cooldown: Duration = timedelta(hours=1)


class CronSection(Section):
    """Scheduled work."""

    enabled: bool = True
    timezone: str | None = None  # the same setting as the one at the top
    store_path: str = "cron.json"  # relative to the home folder
    store: Literal["json", "sql"] = "json"
    max_concurrent: Count = 4
    min_interval: Duration = Field(default=timedelta(seconds=60), ge=timedelta(seconds=1))
    min_interval_shell: Duration = Field(default=timedelta(seconds=1), ge=timedelta(seconds=1))
    at_min_lead: Duration = timedelta()
    shell: Literal["off", "admin", "on"] = "admin"
    default_target: str = ""
    allowed_targets: Items = ()
    group_edit: Literal["creator", "members"] = "creator"
    failure_alert: FailureAlertSection = FailureAlertSection()
    tasks: tuple[DeclaredTask, ...] = ()

    @field_validator("shell", mode="before")
    @classmethod
    def _yaml_switch(cls, value: object) -> object:
        return {True: "on", False: "off"}[value] if isinstance(value, bool) else value  # YAML reads on and off so

    @field_validator("store_path")
    @classmethod
    def _a_file(cls, value: str) -> str:
        if not value.strip() or value.endswith("/"):
            raise ValueError('must be the path of a file, such as "cron.json"')
        return value

    @field_validator("default_target")
    @classmethod
    def _a_target(cls, value: str) -> str:
        if value and not all(value.partition(":")[::2]):
            raise ValueError('must be channel:chat, such as "telegram:123456"')
        return value

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [task.name for task in self.tasks]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f'.tasks: two tasks have the name "{twice[0]}"; give each its own')
        return self


class OutboxSection(Section):
    """How words leave."""

    ambiguous: Literal["resend", "hold"] = "resend"
    rate: Rate = Rate()  # what is not said here, each channel knows


class RetentionSection(Section):
    """How long things are kept."""

    runs_per_job: Count = 200
    days: Count = 30
    sessions_isolated: Duration = timedelta(hours=24)
    dedupe: Duration = timedelta(days=7)


class LimitsSection(Section):
    """How much one owner may ask for; None: without limit."""

    jobs_per_owner: Count = 50
    creations_per_hour: Count = 20
    tokens_per_day: Count | None = None
    money_per_day: float | None = Field(default=None, gt=0)


class ToolsSection(Section):
    """What the model is offered."""

    aliases: bool = False


class HttpSection(Section):
    """Calls to machines outside."""

    allow_private: Items = ()  # of the inner addresses, those that may be called
    webhook_secret: SecretStr = SecretStr("")  # signs callbacks; empty: one is made and kept in the home folder

    @field_validator("allow_private")
    @classmethod
    def _places(cls, value: Items) -> Items:
        Allowed.parse(value)
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _a_signing_key(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            signing.key_of(value.get_secret_value())
        return value

    @property
    def allowed(self) -> Allowed:
        return Allowed.parse(self.allow_private)


class WebSection(Section):
    """The HTTP listener."""

    host: str = "127.0.0.1"
    port: int = Field(default=8790, ge=0, le=65_535)
    token: SecretStr = SecretStr("")  # empty: made at the first start and kept in the home folder
    hosts: Items = ()  # further names under which it is called, of a proxy before it

    @field_validator("hosts")
    @classmethod
    def _names(cls, value: Items) -> Items:
        for name in value:
            if not _HOST_NAME.fullmatch(name):
                raise ValueError(f'has "{name}", which is no name; write it alone, such as "bot.example.org"')
        return value


class TranscriptionSection(Section):
    """Who writes down what was spoken: an endpoint such as OpenAI's /v1/audio/transcriptions."""

    base_url: str = ""  # empty: nobody does
    name: str = "whisper-1"
    api_key: SecretStr = SecretStr("")
    timeout: Duration = timedelta(seconds=60)

    @field_validator("base_url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/?#@]+(?:/[^\s?#@]*)?", value):
            raise ValueError("not an address; write it like https://api.openai.com/v1")
        return value


class MediaSection(Section):
    """Files that come and go."""

    max_bytes: int = Field(default=20_000_000, ge=1_000)  # of one file that is fetched


class DatabaseSection(Section):
    """Where everything that moves is kept."""

    url: str = Field(default=configfile.DEFAULT_DATABASE, repr=False)  # may hold a password

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, value: str) -> str:
        if value.partition("://")[0] not in {"sqlite", "postgresql", "postgres", "mysql", "mariadb"}:
            raise ValueError("must start with sqlite:///, postgresql:// or mysql://")
        return value


class LoggingSection(Section):
    """What is written to logs/tocsin.log, and how much of it is kept."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    max_bytes: int = Field(default=10_000_000, ge=10_000)
    keep: int = Field(default=5, ge=1, le=100)


class HeartbeatSection(Section):
    """The dead man's switch: an address that is asked for while the scheduler lives."""

    url: SecretStr = SecretStr("")  # empty: nobody is told
    every: Duration = Field(default=timedelta(seconds=60), ge=timedelta(seconds=1))
    timeout: Duration = Field(default=timedelta(seconds=10), ge=timedelta(seconds=1))

    @field_validator("url")
    @classmethod
    def _an_address(cls, value: SecretStr) -> SecretStr:
        address = value.get_secret_value()
        if address and not _WEB_ADDRESS.fullmatch(address):
            raise ValueError("must be an address that begins with https:// or http://")
        return value

    @property
    def secrets(self) -> tuple[str, ...]:
        """The address, and whatever in it looks as if it were made up by a machine."""
        address = self.url.get_secret_value()
        pieces = re.split(r"[/?&=#]", address.partition("://")[2].partition("/")[2])
        return tuple(filter(None, (address, *filter(_SECRET_PIECE.fullmatch, pieces))))


def check_ids(name: str, channel: ChannelSection) -> None:
    """Names can be changed by who bears them, so only immutable ids may open a door."""
    _check_groups(name, channel)
    lists = {"allow": channel.allow, "owners": channel.owners}
    lists |= {f"groups.{group}.allow": rule.allow or () for group, rule in channel.groups.items()}
    kind = channel.kind or name
    form, example = ID_FORMS.get(kind, (re.compile(r"[^@\s]+"), "the user's id"))
    groups, _ = GROUP_FORMS.get(kind, (re.compile(r"(?!)"), ""))
    for key, entries in lists.items():
        for entry in entries:
            if entry != ANYBODY and not form.fullmatch(entry):
                what = "the id of a group, not of a person" if groups.fullmatch(entry) else _NO_ID
                raise ValueError(f'.{name}.{key}: "{entry}" is {what}; write {example}')
    if ANYBODY in channel.owners:
        raise ValueError(f'.{name}.owners: "{ANYBODY}" would make everybody an owner; list them by id')


def _check_groups(name: str, channel: ChannelSection) -> None:
    form, example = GROUP_FORMS.get(channel.kind or name, (re.compile(r"[^@*\s]+"), "the group's id"))
    for chat in channel.groups:
        if not form.fullmatch(chat):
            raise ValueError(
                f".{name}.groups.{chat}: is not the id of a group, and would never match; write {example} "
                "(the log names it when somebody there mentions the bot)"
            )


def check_credentials(channels: Mapping[str, ChannelSection]) -> None:
    """One reader per credential: two would take each other's messages. A channel that is off reads nothing."""
    holders: dict[tuple[str, str, str], str] = {}
    for name, channel in channels.items():
        for key, value in channel.credentials.items() if channel.enabled else ():
            first = holders.setdefault((channel.kind or name, key, value), name)
            if first != name:
                raise ValueError(
                    f".{name}.{key}: is the same as channels.{first}.{key}, and both would take each other's "
                    "messages; give each its own, or set enabled = false in one"
                )
