"""`tocsin init`: a first configuration file, with every choice explained beside it."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from gateway import configfile, home, zones
from gateway.cli.main import Call

NAME = "config.toml"
PROVIDERS = ("offline", "openai", "anthropic")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person is asked for."""

    timezone: str
    provider: str = "offline"
    model: str = ""
    base_url: str = ""
    api_key: str = ""


@click.command(help="Write a first configuration file into the home folder. A file that is there is left alone.")
@click.option("--yes", is_flag=True, help="Ask nothing: this machine's time zone, and no account anywhere.")
@click.pass_obj
def command(call: Call, *, yes: bool) -> None:
    place = call.home
    repaired = home.prepare(place)
    existing = configfile.find(place.path)
    file = existing or place.path / NAME
    if existing is None:
        ask = not yes and not call.json and sys.stdin.isatty()
        _write(file, text(_asked() if ask else Choices(timezone=zones.machine())))
    for sentence in repaired:
        call.warn(sentence)
    call.say(f"{file}: is there already and was left as it is" if existing else f"{file}: written")
    call.say("next: tocsin check, then tocsin run")
    if call.json:
        call.document({"home": str(place.path), "config": str(file), "created": existing is None})


def text(choices: Choices) -> str:
    """The file's text: TOML that `gateway.config` accepts, with what else there is as comments."""
    model = {
        "provider": choices.provider,
        "name": choices.model,
        "base_url": choices.base_url,
        "api_key": choices.api_key,
    }
    lines = "\n".join(f"{key} = {_quoted(value)}" for key, value in model.items())
    return TEMPLATE.format(timezone=_quoted(choices.timezone), model=lines)


def _asked() -> Choices:
    timezone = click.prompt("Time zone", default=zones.machine(), value_proc=_a_zone)
    provider = click.prompt("Model provider", default="offline", type=click.Choice(PROVIDERS))
    if provider == "offline":
        return Choices(timezone=timezone)
    return Choices(
        timezone=timezone,
        provider=provider,
        model=click.prompt("Name of the model"),
        base_url=click.prompt("Address of the server (empty: the provider's own)", default="", show_default=False),
        api_key=click.prompt("Key (not shown; empty: none)", default="", hide_input=True, show_default=False),
    )


def _a_zone(name: str) -> str:
    try:
        return zones.check(name)
    except ValueError as error:
        raise click.BadParameter(f"{name} {error}") from error


def _write(file: Path, content: str) -> None:
    """Private from its first byte; never over a file that somebody else made meanwhile."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, home.FILE_MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(content)


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # a JSON string is a TOML string too


TEMPLATE = """\
# Tocsin's configuration. Every line may be left out: what stands here is the default, or an example after "#".
# The environment wins over this file: TOCSIN__MODEL__API_KEY is api_key in [model].
# `tocsin check` says whether the file is right. docs/configuration.md explains every key.

timezone = {timezone}          # of jobs and chats that say nothing else
languages = ["en", "zh"]       # of phrases such as "tomorrow at 9am"

[model]
# offline understands reminders and what is scheduled, without any account or network;
# openai is any server with OpenAI's interface (base_url); anthropic is Anthropic.
{model}
# api_key_file = "model.key"   # the key in a file of its own, relative to this folder

[channels.console]             # the terminal that `tocsin run` is started in
enabled = true

# [channels.telegram]
# token = "123456:ABC..."      # from @BotFather
# allow = ["123456"]           # ids of who may talk to the bot; empty: nobody
# owners = ["123456"]          # ids of who may approve and see everything

[cron]
enabled = true
# default_target = "telegram:123456"   # where jobs that are made on the command line speak

# [heartbeat]
# url = "https://..."          # asked for every minute while the gateway works

[logging]
level = "info"                 # debug | info | warning | error
"""
