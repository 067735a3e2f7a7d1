"""Purchases as calls of a node's HTTP API, to be opened in Postman or Bruno.

`messages` says what is called with messages of one's own, those of the use case `p2p`, and `market` what in
plain words; `postman` and `bruno` write that down, each in its own form.
"""
