"""The world's certificate authorities, read once for all clients of a test run instead of by each."""

from __future__ import annotations

import os
import ssl
from functools import cache
from typing import Any

import httpx
import httpx._transports.default as transports


def remember_trusted_roots() -> None:
    """Have every client of httpx that asks for nothing of its own share what it trusts."""

    def context_of(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
        if verify is True and cert is None:
            named = [os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")]
            return _roots(trust_env, *named)
        return httpx.create_ssl_context(verify=verify, cert=cert, trust_env=trust_env)

    transports.create_ssl_context = context_of  # type: ignore[attr-defined]  # it is where clients look


@cache
def _roots(trust_env: bool, _file: str | None, _folder: str | None) -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=trust_env)
