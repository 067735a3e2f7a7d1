"""A seller's back office on one page: it takes orders of up to 10 kWh, the larger ones in part and for less.

It prints what becomes of them.

DEGNODE_PROVIDER_SECRET=… python examples/back_office.py 8090

and, for the seller's node, DEGNODE_PROVIDER=webhook and DEGNODE_PROVIDER_URL=http://127.0.0.1:8090/
"""
# ruff: noqa: T201  it talks to whoever runs it

import hashlib
import hmac
import json
import os
import sys
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = os.environ["DEGNODE_PROVIDER_SECRET"].encode()
TAKEN: set[int] = set()  # events that were taken; a real back office keeps them in its database


def is_signed(header: str, body: bytes) -> bool:
    """Say whether the node signed these very bytes; when does not matter, for nothing counts twice here."""
    fields = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    signed = fields.get("t", "").encode() + b"." + body
    return hmac.compare_digest(hmac.new(SECRET, signed, hashlib.sha256).hexdigest(), fields.get("v1", ""))


def answer_question(stage: str, kwh: Decimal) -> dict[str, Any]:
    """Say which orders and changes are taken, and on what terms other orders would be."""
    if kwh <= 10:
        return {"answer": "accept"}
    if kwh <= 15 and stage in ("select", "init"):
        return {"answer": "counter", "max_kwh": "10", "discount": {"title": "All we have", "percent": "5"}}
    return {"answer": "refuse", "reason": "We sell 10 kWh at most."}


def answer(said: dict[str, Any]) -> dict[str, Any]:
    """Answer a question; of an event, take note."""
    order = said["order"]
    if said["type"] == "question":
        return answer_question(said["stage"], Decimal((said["change"] or order)["kwh"]))
    if said["id"] not in TAKEN:
        TAKEN.add(said["id"])
        print(said["event"], order["kwh"], "kWh", order["price"]["amount"], flush=True)
    return {}


class BackOffice(BaseHTTPRequestHandler):
    """Takes what the node posts."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        is_genuine = is_signed(self.headers.get("X-Provider-Signature", ""), body)
        said = answer(json.loads(body)) if is_genuine else {}  # done before it is acknowledged
        self.send_response(200 if is_genuine else 401)
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), BackOffice)
    print("listening on", server.server_port, flush=True)
    server.serve_forever()
