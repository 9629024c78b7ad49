"""What runs bring to channels that are only told things: e-mail and WeCom."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from channels import email, wecom
from channels.base import Surroundings
from channels.email import EmailChannel
from channels.wecom import WeComChannel
from cron.run import DeliveryStatus
from gateway.agent.models.scripted import Line, calls, says
from gateway.cli import main
from gateway.config import load
from tests.fakes import NOON, FakeClock, until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import go_to, history, runs_that_ended
from tests.servers.mail import serve_mail
from tests.servers.wecom import serve_wecom

DAY = timedelta(hours=21)  # from noon to nine


def job(home: Path, *flags: str) -> None:
    assert main.run(["--home", str(home), "cron", "add", "--name", "report", "--cron", "0 9 * * *", *flags]) == 0


def delivery(channel: str, to: str) -> tuple[str, str]:
    return "--delivery", json.dumps({"mode": "channel", "channel": channel, "to": to})


def report(text: str) -> list[Line]:
    return [calls(("message", {"text": text})), says("done")]


async def fire(world: World) -> None:
    await go_to(world, NOON + DAY)
    await runs_that_ended(world, 1)


def made(home: Path, module: Any, name: str, clock: FakeClock) -> tuple[Any, dict[str, Any]]:
    """The channel, and the settings for a gateway that has it."""
    config = load(home, environ={}).config
    section = config.channels[name]
    return module.create(name, config, clock, Surroundings(workspace=home / "workspace")), {name: section}


async def test_the_result_of_a_job_goes_to_a_mail_box(open_world: Opener, tmp_path: Path) -> None:
    """NOX-13"""
    home, clock = tmp_path / "home", FakeClock()
    async with serve_mail() as server:
        (home / "config.toml").write_text(
            f'[channels.email]\nhost = "127.0.0.1"\nport = {server.port}\nsender = "bot@example.org"\n'
        )
        job(home, "--prompt", "sum up", *delivery("email", "anna@example.org"))
        channel, sections = made(home, email, "email", clock)
        assert isinstance(channel, EmailChannel)
        async with open_world(report("**42** loaves"), clock=clock, channel=channel, channels=sections) as world:
            await fire(world)
            await until(lambda: server.mails)
            async with asyncio.timeout(5):
                while [run.delivery_status for run in await history(world)] != [DeliveryStatus.SENT]:
                    await asyncio.sleep(0.005)

    assert [(mail["To"], mail["Subject"]) for mail in server.mails] == [("anna@example.org", "42 loaves")]


async def test_the_result_of_a_job_goes_to_a_group_of_wecom(open_world: Opener, tmp_path: Path) -> None:
    """NOX-13"""
    home, clock = tmp_path / "home", FakeClock()
    async with serve_wecom() as server:
        (home / "config.toml").write_text(f'[channels.wecom]\nwebhook_url = "{server.url}"\n')
        job(home, "--prompt", "sum up", *delivery("wecom", "group"))
        channel, sections = made(home, wecom, "wecom", clock)
        assert isinstance(channel, WeComChannel)
        async with open_world(report("**42** loaves"), clock=clock, channel=channel, channels=sections) as world:
            await fire(world)
            await until(lambda: server.shown)

    assert server.shown == ["**42** loaves"]


def test_a_channel_that_nobody_knows_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["cron", "add", "--name", "x", "--every", "1h", "--prompt", "y", *delivery("emial", "a@b.org")]
    status = main.run(["--home", str(tmp_path), *flags])

    assert status == 2
    assert "emial" in capsys.readouterr().err
