"""The platforms over which each behaviour runs."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.rigs.base import Rig
from tests.contract.rigs.platforms import USUAL, opener_of
from tests.contract.rigs.town import Opener, opener_for
from tests.fakes import settle


@pytest.fixture(params=USUAL)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with opener_of(request.param) as rig:
        yield rig
        await settle()  # who connected in the last moment is seen by the server before it closes
    await settle()


@pytest.fixture
def open_town(tmp_path: Path, rig: Rig) -> Opener:
    """Opens a gateway that is connected to the platform; opened again, it is the same one after a restart."""
    return opener_for(rig, tmp_path)
