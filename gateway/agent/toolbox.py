"""Toolbox: which tools a turn has, and which of them its model is shown; pure."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from gateway.agent.model import ToolSpec
from gateway.agent.turn import spec_of
from gateway.tools.base import Tool

MESSAGE_TOOL = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """The tools of one turn."""

    tools: Mapping[str, Tool]  # that answer when they are called
    specs: Sequence[ToolSpec]  # that the model is shown


class Toolbox:
    """All tools, and what holds for some of them."""

    def __init__(
        self,
        tools: Sequence[Tool],
        *,
        hidden: AbstractSet[str] = frozenset(),
        for_people: AbstractSet[str] = frozenset(),
        always: AbstractSet[str] = frozenset(),
    ) -> None:
        """`hidden`: answer when called, and are not shown. `for_people`: are not shown in a scheduled turn.

        `always`: a scheduled turn has them, whatever its job allows.
        """
        self.tools: dict[str, Tool] = {}
        self._specs: dict[str, ToolSpec] = {}
        self._hidden = hidden
        self._for_people = for_people
        self._always = always | {MESSAGE_TOOL}
        for tool in tools:
            self.add(tool)

    def add(self, tool: Tool) -> None:
        """One more, for turns that begin from now on."""
        self.tools[tool.name], self._specs[tool.name] = tool, spec_of(tool)

    def for_person(self) -> Kit:
        return self._kit(self.tools, self._hidden)

    def for_run(self, *, only: AbstractSet[str] | None, silent: bool) -> Kit:
        """Those of a scheduled turn. `only`: the ones its job allows; `silent`: it cannot speak."""
        allowed = self.tools.keys() if only is None else self.tools.keys() & (only | self._always)
        if silent:
            allowed = allowed - {MESSAGE_TOOL}
        return self._kit(allowed, self._hidden | self._for_people)

    def _kit(self, names: AbstractSet[str] | Mapping[str, Tool], hidden: AbstractSet[str]) -> Kit:
        tools = {name: tool for name, tool in self.tools.items() if name in names}
        return Kit(tools=tools, specs=[self._specs[name] for name in tools if name not in hidden])
