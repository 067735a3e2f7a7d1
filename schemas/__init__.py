"""The wire as data: JSON Schemas and JSON-LD contexts, and what reads them.

`v1_1/`, `v2_rc/` and `v2_lts/` are the wire generations (`messages/` by their names on the wire,
`parts/` that they are made of) as the transport has them; `participant/` mirrors them where a
participant asks something else. `core/` is what they share; `energy/`, `p2p/`, `ev/`, `payment/`
and `deg/` are packs of attributes, each with its schema and its context.
No rule of the protocol, no database; no network either, but for the contexts that an operator
allows to be fetched. Nothing above `kernel` is imported.
"""
