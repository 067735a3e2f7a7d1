"""The rules of the wire, pure: actions, profiles, envelope, signing, answers, checks, error codes.

No I/O, no clock, no framework: bytes, keys and instants come in as arguments.
"""
