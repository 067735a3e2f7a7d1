"""The JSON-LD contexts at hand, by their IRIs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from kernel.errors import NodeError
from schemas.packs import CORE_CONTEXTS, Packs, bundled_packs

Contexts = Mapping[str, dict[str, Any]]


class JsonLdContextUnknown(NodeError):
    """The document asks for a context that is not at hand."""

    code, http_status, retryable = "SCH_INVALID_JSONLD_CONTEXT", 400, False


def contexts_of(packs: Packs) -> Contexts:
    """Return the core context and those of the packs, by every IRI that each is known by."""
    of_packs = {iri: pack.context for pack in packs for iri in pack.contexts}
    return MappingProxyType(dict.fromkeys(CORE_CONTEXTS, _core()) | of_packs)


def bundled_contexts() -> dict[str, dict[str, Any]]:
    """Return the contexts that come with the package, each by the IRI it usually has."""
    return {CORE_CONTEXTS[0]: _core()} | {pack.contexts[0]: pack.context for pack in bundled_packs()}


@cache
def _core() -> dict[str, Any]:
    text = files("schemas").joinpath("core", "context.jsonld").read_text(encoding="utf-8")
    context: dict[str, Any] = json.loads(text)
    return context
