from odoo import api, fields, models
from odoo.tools.translate import LazyTranslate

from ...const import FINANCE, PLATFORM
from ...tools.door import door
from ...tools.fields import parse_amount
from ...tools.intake import CORRECTION_FIELDS, Refused, check_fields, echo, explained, parse_call, place_of, text
from ...tools.rights import as_superuser
from ...tools.sql import array
from ..ledger.reading_sql import WALLET
from ..usage.call_usage_record import Priced
from .correction_batch import Allowance, Batch, Correction, Standing
from .correction_sql import STANDING
from .history import nothing_known, read_charged, read_deleted, read_rejected

_lt = LazyTranslate(__name__)


OPTIONAL = ("direction", "campaign", "application_ref", "manager")


class CallUsageCorrections(models.Model):
    """How a call that was charged is put right: validate -> look at what holds -> price -> charge the difference."""

    _inherit = "call.usage"

    correction_ids = fields.One2many(
        "call.usage.correction", "usage_id", readonly=True, groups="call_wallet.group_account_manager"
    )

    @api.model
    def amend_calls(self, calls):
        """Correct calls that were charged with wrong facts: give each as it should have been reported.

        Of the optional fields, what is left out stays as it was; an empty text takes it away.
        The call is priced anew and the difference is charged, or goes back to the wallet. It keeps the price that
        it was charged at, unless its type, direction, number or start change. A call that failed at first and was
        completed after all is amended, too. The last correction holds; the same content again changes nothing.

        :param list[dict] calls: up to 10,000, each with the fields of ``record_calls`` and optionally ``reason``
        :return: one dict a call, in order: ``call_ref``; ``result``: ``corrected``, ``duplicate`` (what holds is what
            was sent) or ``rejected`` with a ``reason``, its ``code`` and ``field`` (no such call; no rate covers it; it
            is longer ago than the company's window, and kept for finance to decide; its number was deleted, so that it
            can only be voided or refunded); ``billed_minutes``, ``rate`` (a minute), ``total_cost``
            as corrected, ``difference`` (more than zero: charged; less: given back) and ``balance_after`` as decimal
            strings in ``currency``; ``transaction`` (id), None where the amount stays; ``notes``, a list of sentences,
            where the call ends in the future as it was corrected
        :raise AccessError: neither the calling platform nor finance staff
        :raise UserError: not a list, or more than 10,000 calls; nothing is corrected then
        """
        self._check_platform()
        self._check_batch(calls)
        with door(self.env):
            return as_superuser(self)._correct("amend", calls, self.env.uid, self._person())

    @api.model
    def void_calls(self, calls):
        """Take back calls that should not have been charged at all; what they cost goes back to the wallet.

        What people refunded by hand stands. A call that was voided by mistake is amended again.

        :param list[dict] calls: up to 10,000, each with ``account``, ``call_ref`` and ``reason``, a sentence
        :return: as ``amend_calls``
        :raise AccessError: neither the calling platform nor finance staff
        :raise UserError: not a list, or more than 10,000 calls; nothing is voided then
        """
        self._check_platform()
        self._check_batch(calls)
        with door(self.env):
            return as_superuser(self)._correct("void", calls, self.env.uid, self._person())

    @api.model
    @api.readonly
    def get_calls(self, account, call_refs):
        """Read how reported calls stand after all corrections.

        :param str account: the wallet's account reference
        :param list[str] call_refs: up to 10,000 references of the platform
        :return: one dict a reference, in the order asked: ``call_ref``; ``state``: ``charged``, ``corrected`` (amended
            or re-rated since), ``voided``, ``rejected`` (it waits, or was dismissed) or ``unknown``; ``call_type``,
            ``direction``, ``number``, ``started_at``, ``duration_seconds``, ``status``, ``campaign``,
            ``application_ref``, ``manager`` as they hold now; ``billed_seconds``, ``billed_minutes``, ``rate`` and
            ``total_cost`` likewise, and ``refunded`` (what people gave back of it by hand), in ``currency``;
            ``transaction``, the id of its charge; ``reported_at`` (first); ``corrections``, in order: ``kind``
            (``amend``, ``void``, ``rerate``), ``corrected_at``, ``reason``, ``old_cost``, ``total_cost``,
            ``difference``, ``transaction`` (None: no amount changed). Of a rejected call ``code``, ``field``,
            ``reason`` and ``rejection`` (id). Amounts are decimal strings, times ISO 8601, UTC; what is not known is
            None. What was deleted says ``Deleted``; of a call that was deleted as a whole the ledger knows what was
            charged first
        :raise UserError: not a text, or not a list of at most 10,000 texts
        :raise AccessError: neither the calling platform nor finance staff
        """
        self._check_platform()
        wallets, cr = self.env["call.wallet"], self.env.cr
        account = wallets._read(text, account=account)
        call_refs = wallets._read_list("call_refs", call_refs)
        companies, missing, found = wallets._companies_to_read(), list(dict.fromkeys(call_refs)), {}
        self.env.flush_all()
        wallet_id = self._wallet_to_read(account, companies)
        if wallet_id:
            found = read_charged(cr, wallet_id, missing, self.env.lang or "en_US")
            missing = [call_ref for call_ref in missing if call_ref not in found]
            found |= read_deleted(cr, wallet_id, missing) if missing else {}
            missing = [call_ref for call_ref in missing if call_ref not in found]
        if missing:
            found |= read_rejected(cr, account, missing, companies)
        return [found.get(call_ref) or nothing_known(call_ref) for call_ref in call_refs]

    def _wallet_to_read(self, account, companies):
        self.env.cr.execute(WALLET, {"account": account, **companies})
        found = self.env.cr.fetchone()
        return found and found[0]

    def _person(self):
        """Return the user of finance who corrects, or None for the platform.

        A person is held to no window, and gives back no more than by refunds.
        """
        user = self.env.user
        if self.env.su:
            return None
        return user if user.has_group(FINANCE) and not user.has_group(PLATFORM) else None

    # === READ === #

    def _correct(self, kind, raw_calls, uid, person):
        """Correct calls without asking who may; ``person`` is what ``_person`` returned."""
        is_sent = self._is_sent_now()
        asked = [self._read_correction(kind, raw, n if is_sent else None) for n, raw in enumerate(raw_calls)]
        accounts = self.env["call.rate.plan"]._load_rated_wallets(
            {one.account for one in asked if isinstance(one, Correction)}
        )
        known = [one for one in asked if isinstance(one, Correction) and one.account in accounts]
        wallets = self.env["call.wallet"].browse({accounts[one.account].wallet_id for one in known})
        allowance = Allowance(wallets, person) if person else None
        batch = Batch(self, kind, wallets, allowance)
        keys = [(accounts[one.account].wallet_id, one.call_ref) for one in known]
        # Campaigns and contacts are made for what will be corrected; their lock comes before those of the wallets.
        batch.standing = self._load_standing(keys)
        wanted = [one for one in known if one.call and batch.is_wanted(one, accounts[one.account])]
        batch.names = self._resolve_names([Priced(one.call, accounts[one.account], True) for one in wanted])
        if allowance:
            allowance.lock()
        locked = self.env["call.wallet.ledger"]._lock(wallets.ids)
        batch.standing = self._load_standing(keys)
        outcomes = [batch.add(one, accounts.get(getattr(one, "account", None))) for one in asked]
        results = batch.enter(outcomes, locked, uid)
        for raw, result in zip(raw_calls, results, strict=True):
            result["call_ref"] = echo(raw.get("call_ref")) if isinstance(raw, dict) else None
        self.env["call.usage.rejection"]._keep_corrections(kind, raw_calls, results)
        return [explained(result, self.env) for result in results]

    def _read_correction(self, kind, raw, place):
        """Return the ``Correction`` in ``raw``, or the ``Refused`` that says what is wrong with it.

        :param int place: in the list that was sent; None: it was not sent now
        """
        try:
            if kind == "amend":
                call = parse_call(raw, self._known_fields(CORRECTION_FIELDS), place)
                given = frozenset(name for name in OPTIONAL if raw.get(name) is not None)
                return Correction(call.account, call.call_ref, call, text(raw, "reason", ""), call.fingerprint, given)
            if not isinstance(raw, dict):
                name = place_of("calls", place) or "call"
                raise Refused("invalid_call", _lt("%s: send an object with account, call_ref and reason.", name))
            if self._known_fields(CORRECTION_FIELDS):
                # What a call was reported with says nothing here, and is no mistake.
                check_fields(raw, CORRECTION_FIELDS)
            return Correction(text(raw, "account"), text(raw, "call_ref"), None, text(raw, "reason"), "void")
        except Refused as refused:
            return refused

    def _load_standing(self, keys):
        """Return {(wallet id, call reference): ``Standing``} for the calls that were recorded."""
        self.env.cr.execute(
            STANDING, [array(wallet_id for wallet_id, _ref in keys), array(call_ref for _wallet_id, call_ref in keys)]
        )
        found = {}
        for *facts, minutes, cost, refunded, transaction, balance_after in self.env.cr.fetchall():
            one = Standing(*facts, *map(parse_amount, (minutes, cost, refunded)), transaction, balance_after)
            one = one._replace(rate=parse_amount(one.rate), connection_fee=parse_amount(one.connection_fee))
            found[one.wallet_id, one.call_ref] = one
        return found
