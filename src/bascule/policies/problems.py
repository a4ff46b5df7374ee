"""What is wrong with a policy document."""

from __future__ import annotations


class PolicyProblem(ValueError):
    """A document that is not a policy; the message is one sentence for its author, in IAM's words where they are known."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
