"""`degnode validate`: verdicts for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from degnode.__main__ import app
from protocol.actions import Action
from schemas.iris import CORE_CONTEXT
from tests.support.wire_examples import ALL, wire_example

RUN = CliRunner()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a good message of each generation, a broken one, and a manifest."""
    for profile in ALL:
        below = tmp_path / profile.name
        below.mkdir()
        (below / "confirm.json").write_text(json.dumps(wire_example(profile, Action.CONFIRM)))
    (tmp_path / "manifest.json").write_text("[]")
    return tmp_path


def test_good_messages_end_well(folder: Path) -> None:
    result = RUN.invoke(app, ["validate", str(folder)])
    assert result.exit_code == 0, result.output
    assert "3 messages, 0 invalid" in result.output
    assert "manifest" not in result.output


def test_a_broken_message_is_told_where_and_why(folder: Path) -> None:
    broken = folder / "v2_rc" / "broken.json"
    document = json.loads((folder / "v2_rc" / "confirm.json").read_text())
    document["message"]["order"]["beckn:orderStatus"] = "SOLD"
    broken.write_text(json.dumps(document))
    result = RUN.invoke(app, ["validate", str(broken)])
    assert result.exit_code == 1
    assert "$.message.order['beckn:orderStatus']" in result.output
    assert "(enum)" in result.output


def test_for_programs_there_is_one_array(folder: Path) -> None:
    (folder / "none.json").write_text("{")
    result = RUN.invoke(app, ["validate", "--json", str(folder)])
    assert result.exit_code == 1
    entries = {Path(entry["file"]).relative_to(folder): entry for entry in json.loads(result.stdout)}
    assert {entry["profile"] for entry in entries.values()} == {None, "v1_1", "v2_rc", "v2_lts"}
    none = entries[Path("none.json")]
    assert (none["valid"], none["action"]) == (False, None)
    (error,) = none["errors"]
    assert (error["code"], error["path"]) == ("SCH_INVALID_JSON", "$")
    assert entries[Path("v2_rc/confirm.json")] == {
        "file": str(folder / "v2_rc" / "confirm.json"),
        "profile": "v2_rc",
        "action": "confirm",
        "valid": True,
        "errors": [],
    }


def test_packs_may_be_left_out(folder: Path) -> None:
    file = folder / "v2_rc" / "confirm.json"
    document = json.loads(file.read_text())
    document["context"]["timestamp"] = "yesterday"
    file.write_text(json.dumps(document))
    assert RUN.invoke(app, ["validate", str(file)]).exit_code == 1
    assert RUN.invoke(app, ["validate", "--packs", "off", str(file)]).exit_code == 0


def test_the_profile_may_be_given(folder: Path) -> None:
    file = folder / "v2_rc" / "confirm.json"
    assert RUN.invoke(app, ["validate", "--profile", "v2_lts", str(file)]).exit_code == 1


def test_a_file_that_is_not_there_is_told() -> None:
    result = RUN.invoke(app, ["validate", "nowhere.json"])
    assert result.exit_code == 2


def test_a_key_that_means_nothing_is_remarked_upon(folder: Path) -> None:
    file = folder / "v2_rc" / "confirm.json"
    document = json.loads(file.read_text())
    buyer = document["message"]["order"]["beckn:buyer"]
    buyer["beckn:buyerAttributes"] = {"@context": CORE_CONTEXT, "@type": "Person", "colour": "green"}
    file.write_text(json.dumps(document))
    result = RUN.invoke(app, ["validate", str(file)])
    assert result.exit_code == 0
    assert "colour: its context does not explain this key" in result.output
    assert "colour" not in RUN.invoke(app, ["validate", "--packs", "off", str(file)]).output


def test_packs_of_ones_own_are_known_too(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    packs = tmp_path_factory.mktemp("packs")
    context = "https://town.example/Rooftop/v1.0/context.jsonld"
    about = {
        "name": "Rooftop",
        "version": "1.0",
        "contexts": [context],
        "types": ["Rooftop"],
        "schema": "schema.json",
        "context": "context.jsonld",
    }
    schema = {"$id": "https://town.example/rooftop.json", "type": "object", "required": ["area"]}
    for name, content in (
        ("pack.json", about),
        ("schema.json", schema),
        ("context.jsonld", {"@context": {"area": "https://town.example/area"}}),
    ):
        (packs / name).write_text(json.dumps(content))
    file = folder / "v2_rc" / "confirm.json"
    document = json.loads(file.read_text())
    document["message"]["order"]["beckn:orderAttributes"] = {"@context": context, "@type": "Rooftop"}
    file.write_text(json.dumps(document))
    alone = RUN.invoke(app, ["validate", str(file)])
    assert (alone.exit_code, "no pack knows Rooftop" in alone.output) == (0, True)
    together = RUN.invoke(app, ["validate", "--pack-folder", str(packs), str(file)])
    assert together.exit_code == 1
    assert "area" in together.output


def test_contexts_are_fetched_from_https_only(folder: Path) -> None:
    result = RUN.invoke(app, ["validate", "--contexts-from", "http://schema.example/", str(folder)])
    assert result.exit_code != 0
    assert "https" in str(result.exception) + result.output
    allowed = ["validate", "--contexts-from", "https://schema.example/", str(folder)]
    assert RUN.invoke(app, allowed).exit_code == 0  # nothing there is named, so nothing is fetched


def test_a_file_that_cannot_be_read_holds_up_no_other(folder: Path) -> None:
    (folder / "gone.json").symlink_to(folder / "nowhere.json")
    (folder / "a_folder.json").mkdir()
    result = RUN.invoke(app, ["validate", str(folder)])
    assert result.exit_code == 1
    assert "the file cannot be read: No such file" in result.output
    assert "4 messages, 1 invalid" in result.output
