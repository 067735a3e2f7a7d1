"""The wire as data: JSON Schemas and JSON-LD contexts, and what reads them.

`v2_rc/` is one wire generation (`messages/` by action, `parts/` that they are made of),
`energy/` the attribute bundles by version, `core/` what all of them share.
No rule of the protocol, no I/O, no network; nothing above `kernel` is imported.
"""
