"""A purchase as calls of a node's HTTP API, to be opened in Postman or Bruno.

`steps` says what is called, from the messages of the use case `p2p`; `postman` and `bruno` write that down,
each in its own form.
"""
