"""The house's own linters: rules that ruff and mypy do not know. `python -m linters [paths]`.

Standard library only, and no part of the wheel. Each rule is a function from a source file to
findings, listed in `linters.rules`.
"""
