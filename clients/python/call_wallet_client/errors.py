"""What can go wrong, by what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .records import Authorization, EndedCall


class CallWalletError(Exception):
    """Any of the errors below.

    ``ended`` is the ended call where ``Client.call`` could not record it: keep it, and record it later. None elsewhere.
    """

    ended: EndedCall | None = None


class RequestRefused(CallWalletError):
    """The request is wrong as a whole, and nothing of it was done: mend the program. Repeating it is of no use."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.name = name
        self.message = message


class NotAllowed(RequestRefused):
    """The key is missing, wrong, expired or revoked (401), or its user may not do this (403): a person must help."""


class Unreachable(CallWalletError):
    """No answer within the client's patience. The request may have been carried out: repeat it, it counts once."""

    @property
    def call(self) -> EndedCall | None:
        """The same as ``ended``, by its earlier name."""
        return self.ended


class CallRefused(CallWalletError):
    """The call may not start; ``authorization.code`` and ``message`` say why."""

    def __init__(self, authorization: Authorization) -> None:
        super().__init__(f"{authorization.code}: {authorization.message}")
        self.authorization = authorization


class WebhookRefused(CallWalletError):
    """The message is not from the wallet, too old, or unreadable: answer it with 400."""
