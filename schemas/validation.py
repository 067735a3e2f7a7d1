"""The schemas of one wire generation, compiled: does a message fit, and if not, where.

Validators take what orjson or simplejson parsed; a `Decimal` counts as the number it is.
A bag of attributes is checked by its pack inside the same compiled schema, see `schemas.attributes`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

from jsonschema_rs import Draft202012Validator, RegexOptions, Registry

from schemas.attributes import UnknownPacks
from schemas.findings import findings
from schemas.library import Library, Rules, participant_library, transport_library
from schemas.message_keys import message_keys
from schemas.packs import Packs, bundled_packs
from schemas.violation import Violation, explain

__all__ = ["Rules", "SchemaMissing", "SchemaSet", "UnknownPacks", "Violation", "schema_set"]

_MOST_REPORTED: Final = 5


class SchemaMissing(LookupError):
    """The generation has no message of that name."""


class SchemaSet:
    """The message schemas of one library; each is compiled when it is first asked for."""

    def __init__(self, source: Library) -> None:
        self.generation = source.name
        self._library = source
        self._registry = Registry(list(source.documents.items()))
        self._compiled: dict[str, Draft202012Validator] = {}

    @property
    def actions(self) -> frozenset[str]:
        """The names, on the wire, of the messages that there are schemas for."""
        return frozenset(self._library.messages)

    def actions_about(self, keys: Iterable[str]) -> frozenset[str]:
        """Return the actions whose rules speak of most of these keys of `message`; all, if none does."""
        known = {
            action: len(message_keys(self._library, action).intersection(keys)) for action in self.actions
        }
        most = max(known.values())
        return frozenset(action for action, count in known.items() if count == most)

    def compile(self) -> None:
        """Compile what is not compiled yet, so that no message has to wait for it.

        Raises: ValueError, if a schema is none.
        """
        for action in self._library.messages:
            self._validator(action)

    def is_valid(self, action: str, document: object) -> bool:
        """Say whether `document` fits the message `action`; takes microseconds.

        Raises: SchemaMissing.
        """
        return self._validator(action).is_valid(document)

    def violations(self, action: str, document: object, *, limit: int = _MOST_REPORTED) -> list[Violation]:
        """Return what `document` breaks of the message `action`, nothing if it fits.

        Raises: SchemaMissing.
        """
        found = findings(self._validator(action), document, library=self._library, limit=limit)
        return explain(found, limit=limit)

    def reference_violations(
        self, action: str, document: object, *, limit: int = _MOST_REPORTED
    ) -> list[Violation]:
        """Return the same as `violations`, found by the reference validator; takes milliseconds.

        Raises: SchemaMissing.
        """
        from schemas.reference import reference_findings

        return explain(reference_findings(self._library, self._identifier(action), document), limit=limit)

    def _validator(self, action: str) -> Draft202012Validator:
        if (compiled := self._compiled.get(action)) is None:
            compiled = self._compiled[action] = Draft202012Validator(
                {"$ref": self._identifier(action)},
                registry=self._registry,
                validate_formats=self._library.asserts_formats,
                pattern_options=RegexOptions(),  # the engine whose time grows with the text, not beyond
            )
        return compiled

    def _identifier(self, action: str) -> str:
        try:
            return self._library.messages[action]
        except KeyError:
            raise SchemaMissing(f"{self.generation} has no message {action!r}") from None


def schema_set(
    generation: str,
    rules: Rules = Rules.PARTICIPANT,
    *,
    packs: Packs | None = None,
    unknown_packs: UnknownPacks = UnknownPacks.WARN,
) -> SchemaSet:
    """Return the compiled schemas of a generation, the same each time.

    Packs are those of the package if none are given; the transport knows of none.
    Raises: GenerationUnknown.
    """
    if rules is Rules.TRANSPORT:
        return _compiled(transport_library(generation))
    known = bundled_packs() if packs is None else packs
    return _compiled(participant_library(generation, known, unknown_packs))


@cache
def _compiled(source: Library) -> SchemaSet:
    return SchemaSet(source)
