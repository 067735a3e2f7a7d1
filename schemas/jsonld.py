"""JSON-LD expansion with the contexts that come with the package, and without the network.

Numbers stay as they were parsed: a `Decimal` is carried through expansion exactly.
Expansion costs several signature checks, so it has no place where messages are received.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from pyld import jsonld

from kernel.errors import NodeError
from schemas import iris

_FILES: Final = {
    iris.CORE_PATH: "core/context.jsonld",
    iris.ENERGY_RESOURCE_PATH: "energy/energy_resource/v0_2/context.jsonld",
    iris.ENERGY_TRADE_OFFER_PATH: "energy/energy_trade_offer/v0_2/context.jsonld",
    iris.ENERGY_TRADE_CONTRACT_PATH: "energy/energy_trade_contract/v0_2/context.jsonld",
    iris.ENERGY_TRADE_DELIVERY_PATH: "energy/energy_trade_delivery/v0_2/context.jsonld",
}

_PUBLISHED: Final = re.compile(
    re.escape(iris.PUBLISHER) + r"/[^?#]+?(" + "|".join(re.escape(path) for path in _FILES) + ")"
)
"""One of our contexts on any branch of the publisher's repository."""


class JsonLdContextUnknown(NodeError):
    """The document asks for a context that does not come with this node."""

    code, http_status, retryable = "SCH_INVALID_JSONLD_CONTEXT", 400, False


class JsonLdInvalid(NodeError):
    """The document breaks the rules of JSON-LD."""

    code, http_status, retryable = "SCH_SCHEMA_VALIDATION_FAILED", 400, False


def expand(document: Mapping[str, Any]) -> list[Any]:
    """Return `document` (an order, an item, a bag …) expanded, every key an absolute IRI.

    Raises: JsonLdContextUnknown, JsonLdInvalid.
    """
    try:
        expanded: list[Any] = jsonld.expand(document, {"documentLoader": _load})
    except jsonld.JsonLdError as error:
        raise _anticipated(error) from error
    except RecursionError as error:
        raise JsonLdInvalid("the document is nested too deeply to be expanded") from error
    except (ValueError, TypeError, LookupError, AttributeError) as error:  # pyld takes some shapes on trust
        raise JsonLdInvalid(f"this is no JSON-LD: {error}") from error
    return expanded


@cache
def bundled_contexts() -> Mapping[str, dict[str, Any]]:
    """Return the contexts by the path that they are served at, such as `/schema/core/v2/context.jsonld`."""
    root = files("schemas")
    return {
        path: json.loads(root.joinpath(*file.split("/")).read_text(encoding="utf-8"))
        for path, file in _FILES.items()
    }


def _load(iri: str, _options: Mapping[str, Any]) -> dict[str, Any]:
    match = _PUBLISHED.fullmatch(iri)
    if match is None:
        raise JsonLdContextUnknown(
            f"the context {iri} does not come with this node, and none is fetched",
            path="@context",
            hint=f"Known are {', '.join(_FILES)} of {iris.PUBLISHER}.",
        )
    return {
        "contentType": "application/ld+json",
        "contextUrl": None,
        "documentUrl": iri,
        "document": bundled_contexts()[match[1]],
        "tag": "static",  # pyld keeps what it makes of a static context
    }


def _anticipated(error: jsonld.JsonLdError) -> NodeError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, NodeError):
            return cause
        cause = cause.__cause__
    return JsonLdInvalid(f"this is no JSON-LD: {error.args[0]}")
