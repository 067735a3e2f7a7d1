"""Write a purchase as a Postman and a Bruno collection: `python examples/write_collections.py [folder]`.

The bodies are those of `examples/messages` and `examples/meter`, with variables in them. A test keeps
`examples/collections` as this writes it, and others buy energy with it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import simplejson

from examples.api_calls import bruno, postman
from examples.api_calls.steps import steps


def texts() -> Mapping[str, str]:
    """Return the text of every file by its name."""
    calls = steps()
    collection = simplejson.dumps(postman.collection(calls), indent=2, ensure_ascii=False)
    return {
        "degnode.postman_collection.json": collection + "\n",
        **{f"bruno/{name}": text for name, text in bruno.files(calls).items()},
    }


def main(folder: Path) -> None:
    """Write every file below `folder`."""
    for name, text in texts().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).with_name("collections"))
