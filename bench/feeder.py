"""A platform of `bench.platforms` as a process of its own: `python -m bench.feeder slack [call]`."""

import asyncio
import sys

from aiohttp import web

from bench.calling import CallingFeishu, CallingSlack, CallingTelegram
from bench.platforms import Feishu, Platform, Slack, Telegram

PLATFORMS: dict[tuple[str, ...], type[Platform]] = {
    ("telegram",): Telegram,
    ("slack",): Slack,
    ("feishu",): Feishu,
    ("telegram", "call"): CallingTelegram,
    ("slack", "call"): CallingSlack,
    ("feishu", "call"): CallingFeishu,
}


async def main() -> None:
    """Serve until killed."""
    platform = PLATFORMS[tuple(sys.argv[1:])]()
    server = web.Server(platform.answer, access_log=None)
    listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    platform.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    print(f"ready {platform.url}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
