"""YAML whose numbers stay exact."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import yaml


class _ExactLoader(yaml.SafeLoader):
    """YAML whose fractions are Decimals and whose dates stay text."""


_FLOAT_TAG: Final = "tag:yaml.org,2002:float"
_INSTANT_TAG: Final = "tag:yaml.org,2002:timestamp"


def _exact(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Decimal:
    try:
        return Decimal(str(loader.construct_scalar(node)).replace("_", ""))
    except ArithmeticError as error:
        raise yaml.constructor.ConstructorError(
            None, None, f"{node.value!r} is no decimal number", node.start_mark
        ) from error


def _as_text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_ExactLoader.add_constructor(_FLOAT_TAG, _exact)
_ExactLoader.add_constructor(_INSTANT_TAG, _as_text)


def read_yaml(text: str) -> object:
    """Return what `text` says, fractions as Decimals. Raises: yaml.YAMLError."""
    return yaml.load(text, Loader=_ExactLoader)  # noqa: S506  a SafeLoader
