"""The root of every anticipated error.

Each module derives its own errors from `NodeError`, beside the function that raises them.
"""

from __future__ import annotations

from typing import ClassVar


class NodeError(Exception):
    """An anticipated failure that knows its code, its HTTP status and whether to try again.

    `message` says what is wrong, `path` where (a JSON path or a setting's name),
    `hint` what to do about it; `retry_after` how many whole seconds to wait, where that is known.
    """

    code: ClassVar[str] = "NET_INTERNAL_ERROR"
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    retry_after: int | None = None

    def __init__(self, message: str, *, path: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.hint = hint

    def __str__(self) -> str:
        sentence = f"{self.message} (at {self.path})" if self.path else self.message
        if not self.hint:
            return sentence
        stop = "" if sentence.endswith((".", "?", "!")) else "."
        return f"{sentence}{stop} {self.hint}"
