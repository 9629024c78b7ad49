"""`tocsin check`, the listener."""

from pathlib import Path

import pytest

from gateway.cli import check_web
from gateway.config import Config
from gateway.home import GatewayLock, Home
from gateway.web.listener import bound
from gateway.web.token import make
from tests.fakes import NOON


def found(place: Home | None, **section: object) -> list[tuple[str, str]]:
    config = Config.layered(environment={}, file={"web": section})
    return [(finding.level.value, finding.text) for finding in check_web.look(config, place)]


@pytest.fixture
def place(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def free() -> int:
    with bound("127.0.0.1", 0) as sock:
        return int(sock.getsockname()[1])


def test_where_it_listens_and_where_its_token_is(place: Home, free: int) -> None:
    before, left = found(place, port=free), list(place.path.iterdir())
    make(place.path / "web.token")
    after = found(place, port=free)
    configured = found(place, port=free, token="SENTINEL")

    begin = f"127.0.0.1, port {free}; its token is"
    assert before == [("ok", f"{begin} made at the first start")]
    assert after == [("ok", f"{begin} in {place.path}/web.token")]
    assert configured == [("ok", f"{begin} in the configuration")]
    assert left == []


def test_without_the_section_there_is_nothing_to_say(place: Home) -> None:
    assert list(check_web.look(Config.layered(environment={}, file={}), place)) == []


def test_an_address_that_others_reach_is_a_warning(place: Home) -> None:
    levels = [level for level, _ in found(place, host="0.0.0.0", port=0)]

    assert levels == ["ok", "warning"]


def test_a_token_that_can_be_guessed_is_wrong_there_and_is_not_shown(place: Home) -> None:
    told = found(place, host="0.0.0.0", port=0, token="hunter2")

    assert [level for level, _ in told] == ["ok", "warning", "wrong"]  # P-79
    assert "hunter2" not in str(told)


def test_a_taken_port_is_an_error_unless_the_gateway_itself_has_it(place: Home) -> None:
    with bound("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        taken = found(place, port=port)
        with GatewayLock.take(place, NOON):
            own = found(place, port=port)
        of_a_file = found(None, port=port)

    assert taken[-1] == (
        "error",
        f"web.port: {port} is taken by another program; stop it, or write another port below [web]",
    )
    assert [level for level, _ in own] == [level for level, _ in of_a_file] == ["ok"]
