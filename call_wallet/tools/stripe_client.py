"""The way to Stripe: one client for everything, whose address is the only thing that can differ."""

import ipaddress
import logging
import time
from urllib.parse import urlsplit

import stripe
from odoo.tools.mail import email_normalize, email_split

_logger = logging.getLogger(__name__)

API_BASE = "https://api.stripe.com"
BASE_PARAMETER = "call_wallet.stripe_api_base"
TIMEOUT = 20  # seconds; the customer waits
CLOCKS_DIFFER = 300  # seconds that Stripe's clock, or ours, may be ahead


def api_base(provider):
    """Return the address under which a provider's Stripe account is reached.

    Another address than Stripe's own is honoured on this very machine alone, and never for a
    live provider: a parameter changed by mistake must not send keys or money elsewhere.
    """
    address = (provider.env["ir.config_parameter"].sudo().get_param(BASE_PARAMETER) or "").rstrip("/")
    if not address or provider.state == "enabled":
        return API_BASE
    if not is_loopback(address):
        _logger.warning("%s is ignored: only an address on this machine is honoured.", BASE_PARAMETER)
        return API_BASE
    return address


def is_loopback(address):
    """Tell whether an address such as ``http://127.0.0.1:8420`` leads to this machine."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return parts.hostname == "localhost"


def first_email(text):
    """Return the first address in what people enter as an e-mail, or None; Stripe refuses all but one bare address.

    :param str text: such as ``ap@x.example, boss@x.example`` or ``Jo <jo@x.example>``
    """
    addresses = (email_normalize(address) for address in email_split(text or ""))
    return next((address for address in addresses if address and address.isascii() and len(address) <= 512), None)


def client(provider):
    """Return a client of the ``stripe`` library for a provider (as superuser)."""
    return stripe.StripeClient(
        api_key=provider.stripe_secret_key or "",
        base_addresses={"api": api_base(provider)},
        max_network_retries=2,
        http_client=stripe.RequestsClient(timeout=TIMEOUT),
    ).v1


def verify(payload, header, secret, tolerance):
    """Check Stripe's signature of a webhook request; several signatures may be given, in any order.

    :param bytes payload: the body as it came
    :return: whether it is genuine; never without a secret
    """
    try:
        stripe.WebhookSignature.verify_header(payload, header or None, secret or None, tolerance)
        # The library looks for what is too old alone.
        if _signed_at(header) > time.time() + CLOCKS_DIFFER:
            raise ValueError("a time to come")
    except (stripe.SignatureVerificationError, ValueError, TypeError) as error:
        _logger.warning("Refused a webhook request in the name of Stripe: %s", str(error)[:200])
        return False
    return True


def _signed_at(header):
    """Return when a header says that it was signed, in Unix time."""
    return next(
        int(value) for name, _equals, value in (part.partition("=") for part in header.split(",")) if name == "t"
    )


# === WHAT AN ERROR MEANS === #

# Error codes by which Stripe says that the account itself may not do this.
ACCOUNT_CODES = {
    "account_closed",
    "account_country_invalid_address",
    "account_invalid",
    "account_number_invalid",
    "live_mode_mismatch",
    "livemode_mismatch",
    "charges_not_enabled",
    "not_allowed_on_standard_account",
    "platform_account_required",
    "platform_api_key_expired",
    "testmode_charges_only",
}
KEY_CODES = {"api_key_expired", "secret_key_required"}

# What goes on until a person does something about it at Stripe or in the provider's settings.
MENDED_BY_PEOPLE = ("provider_key", "provider_permission", "provider_account")


def is_unanswered(error):
    """Return whether Stripe may have done, or may still do, what was asked for: the same request is sent again.

    An idempotency key that is in use (409) says that the same request is under way.
    """
    if isinstance(error, (stripe.APIConnectionError, stripe.RateLimitError)):
        return True
    status = error.http_status or 0
    return status == 409 or status >= 500


def cause_of(error):
    """Return which of the reasons that ``call.wallet.failure`` explains is behind an error, or False."""
    if not isinstance(error, stripe.StripeError):
        return False
    # The library leaves the code of some errors in what Stripe sent.
    code = error.code or getattr(error.error, "code", None)
    if isinstance(error, stripe.AuthenticationError) or code in KEY_CODES:
        return "provider_key"
    if code in ACCOUNT_CODES or "cannot currently make live charges" in str(error):
        return "provider_account"
    if isinstance(error, stripe.PermissionError):
        return "provider_permission"
    if isinstance(error, stripe.RateLimitError):
        return "provider_busy"
    return "provider_silent" if is_unanswered(error) else False


def retry_after(error):
    """Return for how many seconds Stripe asks to be left alone, at most an hour; 0 where it does not say."""
    said = str((getattr(error, "headers", None) or {}).get("Retry-After") or "")
    return min(int(said), 3600) if said.isdigit() else 0
