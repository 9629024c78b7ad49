"""tocsin tools: what a model can be given to use."""

import inspect

import click

from cron.tool import CronTool
from cron.tools.base import Alias
from cron.tools.catalogue import ALIASES, FOR_PEOPLE
from cron.tools.schedule import ScheduleTool
from gateway.cli.main import Call, Commands
from gateway.cli.words import table
from gateway.messages import Json
from gateway.tools.base import Tool
from gateway.tools.message import MessageTool
from gateway.tools.web_fetch import WebFetchTool

HEADINGS = ("NAME", "ALIAS OF", "WHAT IT DOES")


@click.group("tools", cls=Commands)
def command() -> None:
    """The tools of the agent."""


@command.command("list")
@click.pass_obj
def list_tools(call: Call) -> None:
    """List the tools. An alias answers when it is called; with tools.aliases = true, models are shown it too."""
    found = [_document(tool) for tool in _tools()]
    if call.json:
        call.document({"tools": found})
        return
    for text in table(HEADINGS, [(one["name"], one["alias_of"] or "-", one["description"]) for one in found]):
        call.say(text)


def tool_names() -> set[str]:
    """What the tools that come with us are called; also those that only people's own turns have."""
    return {tool.name for tool in _tools()} | FOR_PEOPLE


def _tools() -> list[type[Tool]]:
    return [MessageTool, CronTool, ScheduleTool, WebFetchTool, *ALIASES]


def _document(tool: type[Tool]) -> dict[str, Json]:
    alias_of = tool.stands_for if issubclass(tool, Alias) else ""
    first = inspect.getdoc(tool.arguments) or ""
    return {"name": tool.name, "alias_of": alias_of or None, "description": first.partition("\n")[0]}
