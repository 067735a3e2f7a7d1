"""The rulebook that an operator's settings make."""

from __future__ import annotations

from node.settings import Settings
from protocol.rulebook import Rulebook, make_rulebook
from schemas.official import official_schema_set
from schemas.pack_folder import load_packs
from schemas.packs import bundled_packs


def load_rulebook(settings: Settings) -> Rulebook:
    """Return the rulebook; a schema is compiled when its first message comes.

    Raises: PackInvalid, OfficialDocumentInvalid, naming the file and what is wrong with it.
    """
    return make_rulebook(
        packs=None if settings.packs is None else (*bundled_packs(), *load_packs(settings.packs)),
        unknown_packs=settings.unknown_packs,
        official={
            name: official_schema_set(
                document.file, path_prefix=document.path_prefix, references=document.references
            )
            for name, document in settings.official.items()
        },
    )
