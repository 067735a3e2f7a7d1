"""The back offices of single providers, from a YAML file: how each is reached, and by which secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    HttpUrl,
    SecretStr,
    Tag,
    ValidationError,
)

from kernel.errors import NodeError

ENTRY_POINT: Final = "entry-point:"
SHORTEST_SECRET: Final = 32
_HINTS: Final = {
    "missing": "Add this key.",
    "extra_forbidden": "Remove this key, or correct its spelling.",
    "union_tag_not_found": "Add `office`: built-in, webhook or entry-point:NAME.",
    "union_tag_invalid": "Write built-in, webhook or entry-point:NAME.",
}


class OfficesInvalid(NodeError):
    """The file of back offices cannot be used; the node does not start."""

    code, http_status, retryable = "PROVIDER_OFFICES_INVALID", 500, False


class _Entry(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True)


class BuiltInEntry(_Entry):
    """Nobody is asked or told: all that the catalogue offers is taken."""

    office: Literal["built-in"]


class WebhookEntry(_Entry):
    """A back office behind a URL; the secret is the only line of a file."""

    office: Literal["webhook"]
    url: HttpUrl
    secret_file: Path


class PlugInEntry(_Entry):
    """Python code in the node's own process."""

    office: Annotated[str, Field(pattern=rf"^{ENTRY_POINT}.+")]

    @property
    def name(self) -> str:
        return self.office.removeprefix(ENTRY_POINT)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookOffice:
    """A back office behind a URL, and what posts to it are signed with."""

    url: str
    secret: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class PlugIn:
    """A back office of a package's entry point."""

    name: str


AnyOffice = WebhookOffice | PlugIn | None
"""How a back office is reached; None is for nobody."""


def _kind(value: object) -> str | None:
    office = value.get("office") if isinstance(value, dict) else getattr(value, "office", None)
    return "entry-point" if isinstance(office, str) and office.startswith(ENTRY_POINT) else office


_AnyEntry = Annotated[
    Annotated[BuiltInEntry, Tag("built-in")]
    | Annotated[WebhookEntry, Tag("webhook")]
    | Annotated[PlugInEntry, Tag("entry-point")],
    Discriminator(_kind),
]


class _OfficeFile(_Entry):
    providers: Annotated[dict[str, _AnyEntry], Field(min_length=1)]


def load_offices(path: Path) -> Mapping[str, AnyOffice]:
    """Return the back offices in the file by provider; files of secrets that it names lie beside it.

    Raises: OfficesInvalid, with file, key, why and what to do.
    """
    text = _read(path, f"the file of back offices {path}", hint="Name a YAML file that exists.")
    try:
        entries = _OfficeFile.model_validate(yaml.safe_load(text)).providers
    except yaml.YAMLError as error:
        raise OfficesInvalid(f"{path} is no YAML: {error}") from error
    except ValidationError as error:
        raise _explained(error, path) from error
    return {provider: _office(provider, entry, path.parent) for provider, entry in entries.items()}


def _office(provider: str, entry: BuiltInEntry | WebhookEntry | PlugInEntry, folder: Path) -> AnyOffice:
    if isinstance(entry, WebhookEntry):
        return WebhookOffice(url=str(entry.url), secret=_secret(provider, folder / entry.secret_file))
    return PlugIn(name=entry.name) if isinstance(entry, PlugInEntry) else None


def _secret(provider: str, file: Path) -> SecretStr:
    what = f"the secret of the back office of {provider}"
    secret = _read(file, what, hint="Name a file that exists, beside the file of back offices.").strip()
    if len(secret) < SHORTEST_SECRET or not secret.isprintable():
        raise OfficesInvalid(
            f"{what} is no line of {SHORTEST_SECRET} characters or more: {file}",
            path=f"providers.{provider}.secret_file",
            hint="Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return SecretStr(secret)


def _read(file: Path, what: str, *, hint: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise OfficesInvalid(f"{what} cannot be read: {error}", hint=hint) from error
    except UnicodeDecodeError as error:
        raise OfficesInvalid(f"{what} is no text in UTF-8: {file}", hint=hint) from error


def _explained(error: ValidationError, path: Path) -> OfficesInvalid:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"]) or "(top)"
    message = str(first["msg"]).removeprefix("Value error, ")
    return OfficesInvalid(f"{path}: {where}: {message}", path=where, hint=_HINTS.get(first["type"]))
