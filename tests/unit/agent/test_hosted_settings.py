"""What a hosted model's settings are read as, and how wrong ones are told."""

import subprocess
import sys
from datetime import timedelta

import pytest
from pydantic import SecretStr

from gateway.agent.models.hosted import HostedSettings, create, is_loopback, read_address
from gateway.agent.models.hosted.faults import Server
from gateway.agent.models.hosted.http import http_client
from gateway.errors import ConfigError


@pytest.mark.parametrize(
    ("provider", "given", "read"),
    [
        ("openai", "", "https://api.openai.com/v1"),
        ("openai", "http://127.0.0.1:11434", "http://127.0.0.1:11434/v1"),
        ("openai", "http://127.0.0.1:11434/", "http://127.0.0.1:11434/v1"),
        ("openai", "http://127.0.0.1:11434/v1/", "http://127.0.0.1:11434/v1"),
        ("openai", "https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
        ("openai", "https://host/v1/chat/completions", "https://host/v1"),
        ("anthropic", "", "https://api.anthropic.com"),
        ("anthropic", "http://127.0.0.1:9/v1", "http://127.0.0.1:9"),
    ],
)
def test_an_address_is_read_as_people_write_it(provider: str, given: str, read: str) -> None:
    address = read_address(HostedSettings(provider=provider, name="m", base_url=given))

    assert address == read


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"provider": "opnai"}, "model.provider"),
        ({"name": ""}, "model.name"),
        ({"base_url": "127.0.0.1:11434"}, "model.base_url"),
        ({"base_url": "ftp://host"}, "model.base_url"),
        ({"base_url": "http://host:port"}, "model.base_url"),
        ({"base_url": "http://name:sk-secret@host/v1"}, "model.api_key"),
        ({"base_url": "http://host/v1?key=sk-secret"}, "model.api_key"),
        ({"api_key": SecretStr("")}, "model.api_key"),
        ({"api_key": SecretStr("sk-secret\nsk-more")}, "model.api_key"),
        ({"api_key": SecretStr("sk-secret…")}, "model.api_key"),
    ],
)
def test_a_wrong_setting_is_named_with_its_cure_and_without_secrets(
    changes: dict[str, object], words: str
) -> None:
    given = {"provider": "openai", "name": "m", "api_key": SecretStr("sk-secret"), **changes}

    with pytest.raises(ConfigError, match=words) as caught:
        create(HostedSettings(**given))  # type: ignore[arg-type]

    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("http://127.0.0.1:1/v1", True),
        ("http://[::1]:1/v1", True),
        ("http://localhost/v1", True),
        ("http://localhost.example.com/v1", False),
        ("https://api.openai.com/v1", False),
        ("http://192.168.1.5:11434/v1", False),
    ],
)
def test_loopback_is_told_without_a_name_server(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


@pytest.mark.parametrize(
    ("address", "used"), [("https://api.openai.com/v1", True), ("http://127.0.0.1:1/v1", False)]
)
async def test_a_proxy_of_the_environment_is_used_for_other_machines_only(address: str, used: bool) -> None:
    settings = HostedSettings(provider="openai", name="m", base_url=address)

    async with http_client(settings, address) as client:
        assert client.trust_env is used


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "ftp://127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)

    with pytest.raises(ConfigError, match="ALL_PROXY"):
        create(HostedSettings(provider="openai", name="m", api_key=SecretStr("sk-secret")))


def test_naming_a_hosted_model_imports_nothing_heavy() -> None:
    code = "import sys, gateway.agent.models.hosted; print('openai' in sys.modules, 'pydantic_ai' in sys.modules)"

    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert printed.split() == ["False", "False"]


def test_the_key_is_in_no_representation() -> None:
    settings = HostedSettings(provider="openai", name="m", api_key=SecretStr("sk-secret"))
    server = Server(host="h", model="m", secret="sk-secret", idle_timeout=timedelta(1), max_answer_bytes=1)

    assert "sk-secret" not in repr(settings)
    assert "sk-secret" not in repr(server)
    assert "sk-secret" not in repr(create(settings))
