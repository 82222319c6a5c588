"""Errors as Stripe answers them."""


class StripeFault(Exception):
    """An answer other than 200: ``type``, ``code`` and more go into its ``error``."""

    def __init__(self, status, message, type="invalid_request_error", **more):
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": type, "message": message, **more}}


def missing(kind, name, param="id"):
    return StripeFault(404, f"No such {kind}: '{name}'", code="resource_missing", param=param)


def invalid(message, **more):
    return StripeFault(400, message, **more)
