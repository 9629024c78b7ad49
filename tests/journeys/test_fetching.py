"""Turns that read the web: what the model is shown, and a page that is watched."""

import re
from datetime import timedelta
from typing import Any

from gateway.agent.model import Prompt, ToolResult, UserText
from gateway.agent.models.scripted import Line, calls
from tests.fakes import NOON, until
from tests.journeys.conftest import Opener
from tests.journeys.steps import add_job, callers, go_to, hears, jobs, runs_that_ended
from tests.servers.machine import Answer, Machine, in_turn, machine

HOUR = timedelta(hours=1)


def http(*places: Machine) -> dict[str, Any]:
    return {"allow_private": [there.place for there in places]}


def price(euros: int) -> Answer:
    return Answer(headers={"Content-Type": "application/json"}, body=b'{"price": %d}' % euros)


async def test_web_fetch_reads_a_listed_place_in_a_turn_and_refuses_others(open_world: Opener) -> None:  # P-84
    async with machine(in_turn(price(12))) as there, machine() as other:
        look = calls(("web_fetch", {"url": there.url()}), ("web_fetch", {"url": other.url()}))
        async with open_world([look, "It costs 12."], http=http(there)) as world:
            await world.channel.say("what does it cost?")
            await until(lambda: world.channel.sent)

            read, refused = [item.text for item in world.model.prompts[1].items if isinstance(item, ToolResult)]
            assert '{"price": 12}' in read
            assert "it could not be read" in refused
            assert (there.connections, other.connections) == (1, 0)


class Watcher:
    """A model that reads the price, compares it with the state in its prompt, and speaks when it is another."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.job = ""

    def __call__(self, prompt: Prompt) -> Line:
        shown = [item.text for item in prompt.items if isinstance(item, ToolResult)]
        if not shown:
            return calls(("web_fetch", {"url": self.url}))
        if len(shown) > 1:
            return "done"
        found = re.search(r'"price": (\d+)', shown[0])
        assert found is not None
        asked = next(item.text for item in prompt.items if isinstance(item, UserText))
        keep = ("cron", {"action": "set_state", "job_id": self.job, "state": {"price": int(found[1])}})
        if f'{{"price":{found[1]}}}' in asked:
            return calls(keep)
        return calls(("message", {"text": f"The price is {found[1]}."}), keep)


async def test_a_watched_page_is_told_of_when_it_changes_and_not_otherwise(open_world: Opener) -> None:
    async with machine(in_turn(price(12), price(12), price(15))) as there:
        watcher = Watcher(there.url())
        async with open_world(watcher, http=http(there)) as world:
            watcher.job = (await add_job(world, prompt=f"watch {there.url()}", every="3600", name="price")).id

            for n in (1, 2, 3):
                await go_to(world, NOON + n * HOUR)
                await runs_that_ended(world, n)

            assert await hears(world, 2) == ["The price is 12.", "The price is 15."]
            assert await callers(world) == {"model": 2}
            assert jobs(world)[0].state == {"price": 15}
            assert there.connections == 3
