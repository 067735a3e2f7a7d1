"""What is wrong with a form that somebody filled in, in words for people.

A form is a pydantic model: the body or the parameters of a request, or a file. What the validator
finds is put into plain words here, once, for every API and every file. No wire, no I/O.
"""
