"""A service that is told to stop ends in order and takes its embedded database with it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from degnode.processes import Service, free_port
from tests.support.processes import processes_that_mention


@pytest.mark.parametrize("word", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_a_service_that_is_told_to_stop_stops_its_embedded_database(
    tmp_path: Path, word: signal.Signals
) -> None:
    port = free_port()
    service = Service(
        name="registry",
        url=f"http://127.0.0.1:{port}",
        environment={
            "DEGNODE_PORT": str(port),
            "DEGNODE_DATA_DIR": str(tmp_path / "data"),
            "DEGNODE_REGISTRY_TOKEN": "a-token",
        },
        log_file=tmp_path / "log",
    )
    await service.start()
    assert service.process is not None
    try:
        assert processes_that_mention(str(tmp_path))
        service.process.send_signal(word)
        assert await service.process.wait() == 0
    finally:
        await service.stop()
    assert processes_that_mention(str(tmp_path)) == []
