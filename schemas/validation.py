"""The schemas of one wire generation, compiled: does a message fit, and if not, where.

Validators take what orjson or simplejson parsed; a `Decimal` counts as the number it is.
A bag of attributes is checked by its bundle inside the same compiled schema, when "@type" names
the bundle and "@context" is version 0.2 of the plain energy trade family; which branches are
that family is written in `v2_rc/parts/attributes.json`. Other bags pass as they are.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from jsonschema_rs import Draft202012Validator, RegexOptions, Registry

from schemas.findings import findings
from schemas.library import documents, get_generation, messages
from schemas.violation import Violation, explain

__all__ = ["SchemaMissing", "SchemaSet", "Violation", "schema_set"]

_MOST_REPORTED: Final = 5


class SchemaMissing(LookupError):
    """The generation has no message of that name."""


class SchemaSet:
    """The message schemas of one wire generation, compiled when it is made."""

    def __init__(self, generation: str) -> None:
        setting = get_generation(generation)
        registry = Registry(list(documents().items()))
        self.generation = generation
        self._identifiers = messages(setting)
        self._compiled = {
            action: Draft202012Validator(
                {"$ref": identifier},
                registry=registry,
                validate_formats=setting.asserts_formats,
                pattern_options=RegexOptions(),  # the engine whose time grows with the text, not beyond
            )
            for action, identifier in self._identifiers.items()
        }

    @property
    def actions(self) -> frozenset[str]:
        """The names of the messages that there are schemas for."""
        return frozenset(self._identifiers)

    def is_valid(self, action: str, document: object) -> bool:
        """Say whether `document` fits the message `action`; takes microseconds.

        Raises: SchemaMissing.
        """
        try:
            return self._compiled[action].is_valid(document)
        except KeyError:
            raise self._missing(action) from None

    def violations(self, action: str, document: object, *, limit: int = _MOST_REPORTED) -> list[Violation]:
        """Return what `document` breaks of the message `action`, nothing if it fits.

        Raises: SchemaMissing.
        """
        self._identifier(action)
        return explain(findings(self._compiled[action], document, limit=limit), limit=limit)

    def reference_violations(
        self, action: str, document: object, *, limit: int = _MOST_REPORTED
    ) -> list[Violation]:
        """Return the same as `violations`, found by the reference validator; takes milliseconds.

        Raises: SchemaMissing.
        """
        from schemas.reference import reference_findings

        return explain(reference_findings(self.generation, self._identifier(action), document), limit=limit)

    def _identifier(self, action: str) -> str:
        try:
            return self._identifiers[action]
        except KeyError:
            raise self._missing(action) from None

    def _missing(self, action: str) -> SchemaMissing:
        return SchemaMissing(f"{self.generation} has no message {action!r}")


@cache
def schema_set(generation: str) -> SchemaSet:
    """Return the compiled schemas of a generation, the same each time. Raises: GenerationUnknown."""
    return SchemaSet(generation)
