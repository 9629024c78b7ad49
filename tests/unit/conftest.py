"""What several folders of tests share."""

from collections.abc import Iterator

import pytest

from tests.servers.feishu_sdk import Sdk, sdk


@pytest.fixture(scope="session")
def lark() -> Iterator[Sdk]:
    """Feishu's own SDK; its import takes seconds, so there is one for all who ask."""
    with sdk() as running:
        yield running
