"""YAML that says what is written: numbers stay exact, and no key is there twice.

Words and numbers are told apart as in YAML 1.2: `NO` and `on` are words, and `22:00` is no number to the
base of 60. Digits after a leading zero stay as they are: read to the base of 8 a meter would be another one.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from decimal import Decimal
from typing import Any, Final

import yaml

_MERGE_TAG: Final = "tag:yaml.org,2002:merge"
_KINDS: Final = (
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("tag:yaml.org,2002:int", r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    ("tag:yaml.org,2002:float", r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    (_MERGE_TAG, r"<<", "<"),
)
"""What is no text, by its tag: how it is written, and with what it begins."""


class _ExactLoader(yaml.SafeLoader):
    """YAML whose fractions are Decimals and whose dates stay text."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  the library's own form

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        _require_once(node)
        return super().construct_mapping(node, deep=deep)


def _require_once(node: yaml.MappingNode) -> None:
    """Refuse a mapping that has a key twice, of which the later would hold unnoticed."""
    places: dict[str, yaml.Mark] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE_TAG:
            continue
        if (first := places.setdefault(key.value, key.start_mark)) is not key.start_mark:
            raise yaml.constructor.ConstructorError(
                None,
                None,
                f"the key {key.value!r} is there twice, first in line {first.line + 1}",
                key.start_mark,
            )


def _exact(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Decimal:
    return Decimal(str(loader.construct_scalar(node)))


for _tag, _form, _starts in _KINDS:
    _ExactLoader.add_implicit_resolver(_tag, re.compile(f"^(?:{_form})$"), list(_starts))
_ExactLoader.add_constructor("tag:yaml.org,2002:float", _exact)


def read_yaml(text: str) -> object:
    """Return what `text` says, fractions as Decimals. Raises: yaml.YAMLError."""
    return yaml.load(text, Loader=_ExactLoader)  # noqa: S506  a SafeLoader


def explain_yaml(error: yaml.YAMLError) -> str:
    """Return where `error` is in the text, and what it is."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return str(error)
    mark = error.problem_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
