"""The sentence of each code: why a call may not start, or what became of one that was authorised before."""


def message_of(env, code, asked_to):
    """Return the sentence of any code but ``paused`` and those of limits, in the language of ``env``.

    :param str asked_to: ``authorize``, ``extend`` or ``release``
    """
    if asked_to != "authorize":
        return _later_message(env, code, asked_to)
    _ = env._
    return {
        "ok": _("The call may start."),
        "unknown_account": _("This account has no call wallet. Ask your account manager to set one up."),
        "closed": _("This account's call wallet is closed. Ask your account manager about it."),
        "not_set_up": _("Billing is not set up. Add a notification recipient under Billing to start calling."),
        "no_funds": _("The wallet has not enough balance for this call. Add balance under Billing to start calling."),
        "destination_not_contracted": _(
            "This destination is not in your contract. Ask your account manager to confirm it."
        ),
        "invalid_number": _("This is not a complete international number. Write it like +14155550100."),
        "already_settled": _("This call has already ended and was charged. Start a new one."),
        "conflict": _(
            "Another call is in progress under this reference: its number, type, direction, length or names are "
            "others. Nothing was changed; use a reference of its own for each call."
        ),
    }[code]


def paused_message(env, reason, asked_to):
    """Return the sentence of ``paused``: by whom, and why."""
    _ = env._
    reason = reason or _("ask them to resume.")
    if asked_to == "extend":
        return _("Calls are paused by your account manager, and this one cannot be extended: %s", reason)
    return _("Calls are paused by your account manager: %s", reason)


def _later_message(env, code, asked_to):
    """Return the sentence about a call that was authorised before."""
    _ = env._
    is_extension = asked_to == "extend"
    if code == "ok":
        return _("The call may go on.") if is_extension else _("Nothing is held for this call.")
    if code == "unknown_call" and is_extension:
        return _("This call was not authorised, or was released. Authorise it first.")
    return {
        "unknown_account": _("This account has no call wallet, so there is no such call."),
        "unknown_call": _("This call was not authorised, so nothing is held for it."),
        "no_funds": _("The balance is too low for a longer call. Add balance under Billing."),
        "already_settled": _("This call has ended and was charged; nothing is held for it."),
    }[code]
