"""A form as an HTTP API describes it where the framework does not do so by itself."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

_HERE: Final = "#/$defs/"


def described(form: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of a form with what it refers to in its place.

    Within an OpenAPI document a reference is looked for in that document, where a form's own definitions
    are not. The form must not hold itself.
    """
    schema = form.model_json_schema()
    definitions = schema.pop("$defs", {})
    return {name: _inlined(value, definitions) for name, value in schema.items()}


def _inlined(part: Any, definitions: dict[str, Any]) -> Any:  # noqa: ANN401  any part of a schema
    if isinstance(part, list):
        return [_inlined(entry, definitions) for entry in part]
    if not isinstance(part, dict):
        return part
    said = {name: _inlined(value, definitions) for name, value in part.items() if name != "$ref"}
    reference = part.get("$ref")
    if isinstance(reference, str) and reference.startswith(_HERE):
        return _inlined(definitions[reference.removeprefix(_HERE)], definitions) | said
    return said
