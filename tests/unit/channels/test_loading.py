"""A channel, and what it is made of, is loaded only where it is configured."""

import json
import subprocess
import sys

import pytest

HEAVY = (
    *("telegram", "slack_bolt", "slack_sdk", "lark_oapi", "aiohttp", "aiosmtplib", "starlette", "cryptography"),
    *("uvicorn", "channels.telegram", "channels.slack", "channels.feishu", "channels.email", "channels.wecom"),
)
"""Not httpx, which wherever it is loaded serves the model and webhooks too."""

NEEDED = {
    "": set[str](),  # none at all
    "telegram": {"channels.telegram", "telegram", "aiohttp"},
    "slack": {"channels.slack", "slack_bolt", "slack_sdk", "aiohttp"},
    "feishu": {"channels.feishu", "aiohttp"},
    "email": {"channels.email", "aiosmtplib"},
    "wecom": {"channels.wecom"},
}

CODE = f"""
import json, os, sys
import gateway.observe, gateway.app, gateway.cli.run
from gateway.plugins import find
for name in {list(NEEDED)}:
    if not os.fork():
        name and find("channels", name)
        print(json.dumps([name, [one for one in {HEAVY} if one in sys.modules]]), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_each_channel_loads_its_own_libraries_and_no_others() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], check=True, capture_output=True, text=True)

    loaded = dict(json.loads(line) for line in done.stdout.splitlines())

    assert {name: set(found) for name, found in loaded.items()} == NEEDED
