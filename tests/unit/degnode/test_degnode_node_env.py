"""`node.env`: what `degnode join` leaves for `degnode serve`; the environment goes before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from degnode.roles.configuration import SettingsInvalid, load_settings
from degnode.roles.node_env import (
    DirectoryOfAnother,
    NodeEnvUnusable,
    read_node_env,
    serve_from,
    write_node_env,
)
from node.settings import Settings

JOINED = {
    "DEGNODE_SUBSCRIBER_ID": "bpp.example",
    "DEGNODE_PUBLIC_URL": "https://bpp.example",
    "DEGNODE_REGISTRY_URL": "https://registry.example",
    "DEGNODE_JOINED": "true",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's settings but the test's own."""
    for name in (*JOINED, "DEGNODE_DATA_DIR", "DEGNODE_PORT", "DEGNODE_ROLE"):
        monkeypatch.delenv(name, raising=False)


def test_what_was_written_is_what_the_settings_hold(tmp_path: Path) -> None:
    write_node_env(tmp_path, JOINED | {"DEGNODE_PORT": "8082"})
    settings = load_settings(Settings, data_dir=tmp_path)
    assert (settings.subscriber_id, settings.port, settings.joined) == ("bpp.example", 8082, True)
    assert settings.data_dir == tmp_path


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_node_env(tmp_path, JOINED | {"DEGNODE_PORT": "8082"})
    monkeypatch.setenv("DEGNODE_PORT", "9000")
    assert load_settings(Settings, data_dir=tmp_path).port == 9000


def test_what_is_said_goes_before_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_node_env(tmp_path, JOINED)
    monkeypatch.setenv("DEGNODE_PORT", "9000")
    assert load_settings(Settings, data_dir=tmp_path, port=7).port == 7


def test_the_directory_may_be_named_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_node_env(tmp_path, JOINED)
    monkeypatch.setenv("DEGNODE_DATA_DIR", str(tmp_path))
    assert load_settings(Settings).subscriber_id == "bpp.example"


def test_without_a_file_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="DEGNODE_SUBSCRIBER_ID is not set"):
        load_settings(Settings, data_dir=tmp_path)


def test_it_is_for_its_owner_only(tmp_path: Path) -> None:
    assert write_node_env(tmp_path / "bpp", JOINED).stat().st_mode & 0o777 == 0o600


def test_what_the_operator_added_stays(tmp_path: Path) -> None:
    file = write_node_env(tmp_path, JOINED)
    file.write_text(file.read_text() + "DEGNODE_WIRE=v2_lts\n")
    write_node_env(tmp_path, {"DEGNODE_JOINED": "false"})
    kept = read_node_env(tmp_path)
    assert (kept["DEGNODE_WIRE"], kept["DEGNODE_JOINED"]) == ("v2_lts", "false")


@pytest.mark.parametrize("value", ["with space", "#1", "$HOME", 'a"b', "=x", ""])
def test_a_value_is_read_back_as_it_was(tmp_path: Path, value: str) -> None:
    write_node_env(tmp_path, {"DEGNODE_DOMAIN": value})
    assert read_node_env(tmp_path) == {"DEGNODE_DOMAIN": value}


@pytest.mark.parametrize("value", ["a'b", "a\nDEGNODE_API_KEY=x", "a\\b"])
def test_a_value_that_cannot_be_kept_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(NodeEnvUnusable) as caught:
        write_node_env(tmp_path, {"DEGNODE_DOMAIN": value})
    assert caught.value.path == "DEGNODE_DOMAIN"
    assert read_node_env(tmp_path) == {}


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NodeEnvUnusable, match="cannot be written"):
        write_node_env(tmp_path / "file", JOINED)


def test_a_directory_serves_only_whoever_joined_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEGNODE_DATA_DIR", "elsewhere")
    write_node_env(tmp_path, {"DEGNODE_ROLE": "bg"})
    serve_from(tmp_path, role="bg")
    with pytest.raises(DirectoryOfAnother) as caught:
        serve_from(tmp_path, role="bap")
    assert "degnode serve gateway" in str(caught.value)
