"""These tests are about what is read, not about what survives a power cut: they do not wait for the disk."""

from collections.abc import Iterator

import pytest

from vault import durable


@pytest.fixture(scope="module", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(durable, "sync_fd", lambda _fd: None)
        yield
