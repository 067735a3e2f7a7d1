"""Domains below which anybody may have a name: nobody there speaks for the domain.

This is no list of all such domains; it holds the usual categories below country codes, and the
hosting places that participants are likely to run at.
"""

from __future__ import annotations

import re
from typing import Final

_BELOW_A_COUNTRY: Final = re.compile(
    r"(ac|co|com|ed|edu|firm|gen|go|gob|gouv|gov|gub|gv|ind|mil|ne|net|nic|nom|or|org|res|sch)\.[a-z]{2}"
)
_OF_HOSTS: Final = frozenset(
    {
        "a.run.app",
        "amazonaws.com",
        "appspot.com",
        "awsapprunner.com",
        "azure-api.net",
        "azurefd.net",
        "azurewebsites.net",
        "cloudapp.azure.com",
        "cloudapp.net",
        "cloudfront.net",
        "duckdns.org",
        "elasticbeanstalk.com",
        "firebaseapp.com",
        "fly.dev",
        "github.io",
        "gitlab.io",
        "herokuapp.com",
        "loca.lt",
        "netlify.app",
        "ngrok-free.app",
        "ngrok-free.dev",
        "ngrok.app",
        "ngrok.dev",
        "ngrok.io",
        "nip.io",
        "ondigitalocean.app",
        "onrender.com",
        "pages.dev",
        "railway.app",
        "sslip.io",
        "trycloudflare.com",
        "ts.net",
        "up.railway.app",
        "vercel.app",
        "web.app",
        "workers.dev",
    }
)


def is_shared(name: str) -> bool:
    """Say whether `name` is known to be a domain that many share, or to lie above one."""
    name = name.lower()
    return bool(_BELOW_A_COUNTRY.fullmatch(name)) or any(
        each == name or each.endswith(f".{name}") for each in _OF_HOSTS
    )
