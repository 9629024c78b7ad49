"""Which tools a turn has, and which of them its model is shown."""

from typing import Any, ClassVar

from pydantic import BaseModel

from gateway.agent.toolbox import Kit, Toolbox
from gateway.tools.base import Effect, Turn


class Arguments(BaseModel):
    """Nothing."""


class Tool:
    """A tool of this name."""

    arguments: ClassVar[type[BaseModel]] = Arguments
    effect: ClassVar[Effect] = Effect.READ
    example: ClassVar[str] = "{}"

    def __init__(self, name: str) -> None:
        self.name = name  # type: ignore[misc]

    async def call(self, arguments: Any, turn: Turn) -> str:
        raise AssertionError("nothing is called here")


TOOLS = Toolbox(
    [Tool(name) for name in ("message", "cron", "cron_add", "schedule", "fetch", "search")],
    hidden=frozenset({"cron_add"}),
    for_people=frozenset({"schedule"}),
    always=frozenset({"cron", "cron_add", "schedule"}),
)


def shown(kit: Kit) -> list[str]:
    return [spec.name for spec in kit.specs]


def test_a_person_has_every_tool_and_is_shown_all_but_the_hidden() -> None:
    kit = TOOLS.for_person()

    assert shown(kit) == ["message", "cron", "schedule", "fetch", "search"]
    assert "cron_add" in kit.tools


def test_a_run_is_shown_what_a_person_is_but_what_only_people_need() -> None:
    """AB-01, PRX-74"""
    kit = TOOLS.for_run(only=None, silent=False)

    assert shown(kit) == ["message", "cron", "fetch", "search"]
    assert kit.tools.keys() == TOOLS.for_person().tools.keys()


def test_a_run_that_may_use_some_tools_has_those_and_what_every_run_has() -> None:
    kit = TOOLS.for_run(only=frozenset({"search", "unknown"}), silent=False)

    assert shown(kit) == ["message", "cron", "search"]
    assert "fetch" not in kit.tools


def test_a_silent_run_cannot_speak_whatever_it_may_use() -> None:
    """HP-37"""
    for only in (None, frozenset({"message"})):
        kit = TOOLS.for_run(only=only, silent=True)

        assert "message" not in kit.tools
        assert "message" not in shown(kit)
