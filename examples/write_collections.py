"""Write purchases as Postman and Bruno collections: `python examples/write_collections.py [folder]`.

The bodies are those of `examples/messages` and `examples/meter`, with variables in them. A test keeps
`examples/collections` as this writes it, and others buy energy with it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import simplejson

from examples.api_calls import bruno, postman
from examples.api_calls.market import in_plain_words, of_two_lines
from examples.api_calls.messages import in_messages
from examples.api_calls.steps import Purchase


def texts() -> Mapping[str, str]:
    """Return the text of every file by its name."""
    return {
        name: text
        for purchase in (in_messages(), in_plain_words(), of_two_lines())
        for name, text in _texts_of(purchase).items()
    }


def _texts_of(purchase: Purchase) -> Mapping[str, str]:
    suffix = purchase.suffix
    collection = simplejson.dumps(postman.collection(purchase), indent=2, ensure_ascii=False)
    return {
        f"degnode{suffix}.postman_collection.json": collection + "\n",
        **{f"bruno{suffix}/{name}": text for name, text in bruno.files(purchase).items()},
    }


def main(folder: Path) -> None:
    """Write every file below `folder`."""
    for name, text in texts().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).with_name("collections"))
