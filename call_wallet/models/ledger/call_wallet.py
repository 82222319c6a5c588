from odoo import api, fields, models
from odoo.exceptions import UserError

from ...const import FINANCE
from ...tools.door import door, each, log_failure
from ...tools.fields import ZERO, check_request_key, is_id, parse_amount
from ...tools.intake import iso, place_of, shown, text
from ...tools.rights import without_orders
from .reading_sql import TRANSACTION_KEYS, TRANSACTIONS, WALLET

# Wallets whose ledger the nightly check reads in one transaction.
CHECKED_AT_ONCE = 100

# How many a platform may ask for at once.
MOST_READ = 10_000


class CallWalletRefund(models.Model):
    """Refunds, and the promises that the ledger makes.

    Refunds go at once up to the company's limits, for one refund and for what one person refunds in a day; above
    them two people are needed.
    """

    _inherit = "call.wallet"

    refund_request_ids = fields.One2many("call.wallet.refund.request", "wallet_id", readonly=True)
    refund_request_count = fields.Integer("Refund Requests", compute="_compute_refund_request_count")
    refund_waiting_count = fields.Integer("Refunds to Approve", compute="_compute_refund_request_count")

    @api.depends("refund_request_ids.state")
    def _compute_refund_request_count(self):
        counts = {}
        if self.env.user.has_group(FINANCE) or self.env.su:
            counts = {
                (wallet, state): count
                for wallet, state, count in self.env["call.wallet.refund.request"]._read_group(
                    [("wallet_id", "in", self.ids)], ["wallet_id", "state"], ["__count"]
                )
            }
        for wallet in self:
            wallet.refund_waiting_count = counts.get((wallet, "waiting"), 0)
            wallet.refund_request_count = sum(count for (whose, _state), count in counts.items() if whose == wallet)

    # === READ BY THE PLATFORM === #

    @api.model
    @api.readonly
    def list_transactions(self, account, after=None, limit=1000):
        """Read a wallet's ledger from its beginning, or go on after a transaction; a closed wallet's, too.

        Whoever goes on after the last one of each answer gets every transaction once, while others are being entered.

        :param str account: the wallet's account reference
        :param int after: the id of a transaction of the wallet, ``transaction`` of an answer; None: from the first one
        :param int limit: how many at most, 1 to 10,000
        :return: one dict a transaction, in order: ``transaction`` (id); ``sequence`` (1, 2, 3, ... without gaps);
            ``date`` (ISO 8601, UTC); ``type`` (``usage``, ``balance_added``, ``refund``, ``reversal``); ``amount``
            (negative for usage and reversals) and ``balance_after``, decimal strings in ``currency``;
            ``description``; of a call ``call_ref``, ``billed_minutes`` and ``rate``. Empty: there are no more yet
        :raise UserError: no such wallet in the user's companies, or a parameter is malformed; names it
        :raise AccessError: neither the calling platform nor finance staff
        """
        self.env["call.usage"]._check_platform()
        wallet_id, currency = self._find_to_read(account)
        page = {"wallet": wallet_id, "after": 0, "limit": self._read_page_limit(limit)}
        if after is not None and not (type(after) is int and after == 0):
            page["after"] = self._sequence_of(wallet_id, account, after)
        self.env.cr.execute(TRANSACTIONS, page)
        rows = [dict(zip(TRANSACTION_KEYS, row, strict=True)) for row in self.env.cr.fetchall()]
        return [{**row, "date": iso(row["date"]), "currency": currency} for row in rows]

    def _companies_to_read(self):
        """Return whose wallets may be read, as parameters of ``READABLE``: those of the user's companies."""
        return {"all": self.env.su, "companies": self.env.user.company_ids.ids}

    def _own_among(self, wallet_ids):
        """Return those of some wallets that the user may read, whoever does for them what they asked for.

        Calls are charged on the wallets of all companies; what stands there is told to those of the wallet's own.
        """
        user = self.env.user
        if user._is_superuser():
            return set(wallet_ids)
        of_them = [("id", "in", list(wallet_ids)), ("company_id", "in", user.company_ids.ids)]
        return set(self.sudo().with_context(active_test=False).search(of_them).ids)

    def _find_to_read(self, account):
        """Return the id and the currency's name of the wallet that a user of the API names.

        :raise UserError: there is none in the user's companies
        """
        account = self._read(text, account=account)
        self.env.flush_all()
        self.env.cr.execute(WALLET, {"account": account, **self._companies_to_read()})
        found = self.env.cr.fetchone()
        if not found:
            raise UserError(self.env._("account: no wallet has the account reference %s.", account))
        return found

    def _sequence_of(self, wallet_id, account, transaction_id):
        if is_id(transaction_id):
            self.env.cr.execute(
                "SELECT sequence FROM call_wallet_transaction WHERE id = %s AND wallet_id = %s",
                [transaction_id, wallet_id],
            )
            found = self.env.cr.fetchone()
            if found:
                return found[0]
        raise UserError(
            self.env._(
                "after: %(value)s is no transaction of %(account)s; send the id of the last one that you have read.",
                value=shown(transaction_id),
                account=account,
            )
        )

    def _read_page_limit(self, limit, most=MOST_READ):
        """Return how many rows somebody asks for at most.

        :raise UserError: not a whole number of 1 to ``most``
        """
        if type(limit) is not int or not 0 < limit <= most:
            raise UserError(
                self.env._("limit: %(value)s; send a whole number, 1 to %(most)s.", value=shown(limit), most=most)
            )
        return limit

    def _read_list(self, name, values):
        """Return references that somebody asks for, as they are kept.

        :param str name: of the parameter
        :raise UserError: not a list, or more than ``MOST_READ``; one is no text: names its place
        """
        if not isinstance(values, (list, tuple)) or len(values) > MOST_READ:
            raise UserError(self.env._("%(field)s: send a list of at most %(most)s texts.", field=name, most=MOST_READ))
        return [self._read(text, **{place_of(name, place): value}) for place, value in enumerate(values)]

    # === REFUNDS === #

    def refund(self, amount, reason, usage=None, request_key=None):
        """Return funds to the wallet as an adjustment or correction.

        :param amount: in the wallet's currency, up to 6 places: str, int or Decimal
        :param str reason: shown in the ledger and the usage report
        :param usage: the ``call.usage`` it corrects (record or id); then never more than
            that call cost less what was refunded for it before
        :param str request_key: the same key is carried out once and returns the first result
        :return: the ``call.wallet.transaction``
        :raise UserError: amount or reason missing; above what the call cost; above the company's limits for one
            person, at once or in a day (``request_refund`` asks for a second one); or the wallet is closed
        :raise AccessError: not finance staff
        """
        wallet = self._permitted(FINANCE)
        wallet.ensure_one()
        check_request_key(request_key, self.env)
        usage = wallet._to_usage(usage)
        with door(self.env):
            counts = ZERO if self.env.su else wallet._refuse_alone(amount, request_key)
            ledger = without_orders(self).env["call.wallet.ledger"]
            transaction = ledger._refund(wallet, amount, reason, usage, request_key)
            if counts:
                wallet.env["call.wallet.refund.day"]._add(self.env.user, wallet.company_id, counts)
            return transaction

    def request_refund(self, amount, reason, usage=None, request_key=None):
        """Ask a finance manager to approve a refund; the money moves when one does.

        :param amount: as ``refund``; any amount may be asked for
        :param str reason: as ``refund``
        :param usage: as ``refund``
        :param str request_key: the same key asks once and returns the first request
        :return: the ``call.wallet.refund.request``
        :raise UserError: amount or reason missing, above what the call cost, or the wallet is closed
        :raise AccessError: not finance staff
        """
        wallet = self._permitted(FINANCE)
        wallet.ensure_one()
        ledger = wallet.env["call.wallet.ledger"]
        usage = wallet._to_usage(usage)
        amount, reason = ledger._read_refund(amount, reason)
        requests = wallet.env["call.wallet.refund.request"]
        with door(self.env):
            ledger._lock(wallet.ids)
            wallet._refuse_closed()
            if usage:
                ledger._check_refundable(wallet, amount, usage)
            return requests._ask(wallet, amount, reason, usage, request_key).with_env(self.env)

    def _to_usage(self, usage):
        """Return the call that somebody names by its id or as a record; empty for none."""
        calls = self.env["call.usage"]
        if usage is None or usage is False:
            return calls
        if isinstance(usage, type(calls)):
            return usage
        if isinstance(usage, bool) or not isinstance(usage, int):
            raise UserError(self.env._("Call: send the id of one call of this wallet."))
        return calls.browse(usage)

    def _refund_limit(self):
        """Return what one person may refund, in the wallet's currency; zero: any amount."""
        company = self.company_id
        limit = company.call_wallet_refund_limit
        if self.currency_id == company.currency_id or not limit:
            return limit
        today = company._call_wallet_today()
        return parse_amount(company.currency_id._convert(float(limit), self.currency_id, company, today))

    def _needs_approval(self, amount):
        """Return whether a refund of ``amount`` is above what one person may give, at once or today."""
        company = self.company_id
        limit = self._refund_limit()
        total = self.env["call.wallet.refund.day"]._total(self.env.user, company)
        return bool(limit and amount > limit) or self._is_above_day_limit(total, amount)

    def _is_above_day_limit(self, total, amount):
        """Tell whether ``amount``, after ``total`` in the company's currency, is more than one person may give."""
        limit = self.company_id.call_wallet_refund_day_limit
        return bool(limit) and total + self._in_company_currency(amount) > limit

    def _in_company_currency(self, amount):
        """Return an amount of the wallet at today's rate in its company's currency (Decimal)."""
        company = self.company_id
        if self.currency_id == company.currency_id:
            return amount
        today = company._call_wallet_today()
        return parse_amount(self.currency_id._convert(float(amount), company.currency_id, company, today))

    def _refuse_alone(self, amount, request_key):
        """Refuse what needs a second person, while the user's other sessions wait.

        :return: what counts for the user's day, in the company's currency; zero for what was refunded already
        """
        self._refuse_closed()
        company, user = self.company_id, self.env.user
        amount = parse_amount(amount, self.env._("Amount"), self.env)
        limit = self._refund_limit()
        if not (limit or company.call_wallet_refund_day_limit):
            return ZERO
        total = self.env["call.wallet.refund.day"]._lock_total(user, company)
        if isinstance(request_key, str) and self.env["call.wallet.ledger"]._find(self.id, f"refund/{request_key}"):
            return ZERO
        if limit and amount > limit:
            raise UserError(
                self.env._(
                    "Amount: refunds above %(limit)s need a second person. Ask for approval with Refund… on the "
                    "wallet (request_refund in the API); a finance manager other than you decides.",
                    limit=self._format_amount(limit),
                )
            )
        if self._is_above_day_limit(total, amount):
            money = company.currency_id.with_env(self.env)
            raise UserError(
                self.env._(
                    "Amount: you have refunded %(total)s today, and may refund %(limit)s in a day without a second "
                    "person. Ask for approval with Refund… on the wallet (request_refund in the API).",
                    total=money.format(float(total)),
                    limit=money.format(float(company.call_wallet_refund_day_limit)),
                )
            )
        return self._in_company_currency(amount)

    def _refuse_closed(self):
        if not self.active:
            raise UserError(self.env._("Wallet %s is closed. Reopen it first.", self.account_ref))

    def action_open_refund_requests(self):
        """Open the wallet's refunds that waited for a second person, or still do.

        :raise AccessError: not finance staff
        """
        self._permitted(FINANCE)
        return self._open_list("action_call_wallet_refund_request")

    # === INVARIANTS === #
    # The promises the ledger makes, each with a check that would notice if it were broken.

    @api.model
    def check_invariants(self, wallets=None):
        """Check the ledger of ``wallets`` (all of the user's companies by default) against the invariants.

        Each check reads all transactions of those wallets; not for a page, but for the nightly
        scheduled action, the tests and the benchmark.

        :param wallets: ``call.wallet`` records or ids; those of companies that are not the user's are left out
        :return: list of sentences, one a violation; empty when all invariants hold
        :raise UserError: no list of ids
        :raise AccessError: not finance staff
        """
        self.browse()._permitted("call_wallet.group_finance")
        ids = wallets.ids if isinstance(wallets, models.BaseModel) else wallets
        if ids is not None:
            if not isinstance(ids, (list, tuple)) or not all(map(is_id, ids)):
                raise UserError(self.env._("wallets: send a list of ids."))
            ids = self.sudo().with_context(active_test=False).browse(ids).exists().ids
        if not self.env.su:
            if ids is None:
                theirs = [("company_id", "in", self.env.user.company_ids.ids)]
                ids = self.sudo().with_context(active_test=False).search(theirs).ids
            ids = sorted(self._own_among(ids))
        self.env.flush_all()
        violations = []
        for name, query in CHECKS.items():
            self.env.cr.execute(query, {"all": ids is None, "ids": list(ids or [])})
            for account_ref, *details in self.env.cr.fetchall():
                violations.append(f"{name}: {account_ref}: " + ", ".join(str(detail) for detail in details))
        return violations + self.env["call.wallet.reconciliation"]._check(ids)

    @api.model
    def _cron_check_invariants(self):
        """Tell finance in the morning if the night's check found anything."""
        everyone = self.sudo().with_context(active_test=False).search([("company_id", "!=", False)], order="id").ids
        batches = [self.browse(everyone[at : at + CHECKED_AT_ONCE]) for at in range(0, len(everyone), CHECKED_AT_ONCE)]
        violations = []

        def check(wallets):
            violations.extend(self.sudo().check_invariants(wallets))

        def not_checked(wallets, error):
            log_failure(wallets, error)
            violations.append(f"not checked: wallets {wallets.ids[0]} to {wallets.ids[-1]}: {error}")
            return True

        # No snapshot is held over all wallets: calls go on meanwhile.
        each(self.env, batches, check, failed=not_checked, part="wallets")
        with door(self.env):
            self.env["call.wallet.meter"]._set("call_wallet_ledger_violations", len(violations))
            if violations:
                self._report_violations(violations)

    def _report_violations(self, violations):
        group = self.env.ref("call_wallet.group_finance_manager")
        partners = group.all_user_ids.partner_id
        self.env["mail.thread"].message_notify(
            partner_ids=partners.ids,
            subject=self.env._("Call wallets: the ledger check found %s differences", len(violations)),
            body="\n".join(violations[:100]),
            email_layout_xmlid="call_wallet.mail_layout",
        )


SCOPE = "(%(all)s OR b.wallet_id = ANY(%(ids)s))"
# The same inside what is added up: else all wallets' rows were read for the few that are asked for.
ASKED = "(%(all)s OR wallet_id = ANY(%(ids)s))"


# Each query returns one row a violation: the account reference, then what was found.
CHECKS = {
    "exact": f"""
        SELECT w.account_ref, 'balance ' || b.balance, 'sum ' || COALESCE(t.total, 0),
               'last balance_after ' || COALESCE(l.balance_after, 0), 'last sequence ' || b.last_sequence,
               'transactions ' || COALESCE(t.n, 0)
          FROM call_wallet_balance b
          JOIN call_wallet w ON w.id = b.wallet_id
          LEFT JOIN (SELECT wallet_id, sum(amount) AS total, count(*) AS n
                       FROM call_wallet_transaction WHERE {ASKED} GROUP BY wallet_id) t ON t.wallet_id = b.wallet_id
          LEFT JOIN call_wallet_transaction l ON l.wallet_id = b.wallet_id AND l.sequence = b.last_sequence
         WHERE {SCOPE}
           AND (b.balance <> COALESCE(t.total, 0) OR b.balance <> COALESCE(l.balance_after, 0)
                OR b.last_sequence <> COALESCE(t.n, 0))
    """,
    "own": """
        SELECT w.account_ref, 'its balance is row ' || w.balance_id, 'of wallet ' || COALESCE(b.wallet_id::text, '-')
          FROM call_wallet w
          LEFT JOIN call_wallet_balance b ON b.id = w.balance_id
         WHERE b.wallet_id IS DISTINCT FROM w.id AND (%(all)s OR w.id = ANY(%(ids)s))
    """,
    "chain": f"""
        SELECT w.account_ref, 'sequence ' || c.sequence, 'after ' || c.previous_sequence,
               'balance_after ' || c.balance_after, 'expected ' || c.previous_balance + c.amount
          FROM (SELECT b.wallet_id, b.sequence, b.amount, b.balance_after,
                       lag(b.sequence, 1, 0) OVER wallet AS previous_sequence,
                       lag(b.balance_after, 1, 0.0) OVER wallet AS previous_balance
                  FROM call_wallet_transaction b
                 WHERE {SCOPE}
                WINDOW wallet AS (PARTITION BY b.wallet_id ORDER BY b.sequence)) c
          JOIN call_wallet w ON w.id = c.wallet_id
         WHERE c.sequence <> c.previous_sequence + 1 OR c.balance_after <> c.previous_balance + c.amount
    """,
    "once": f"""
        SELECT w.account_ref, b.key, 'entered ' || count(*) || ' times'
          FROM call_wallet_transaction b JOIN call_wallet w ON w.id = b.wallet_id
         WHERE {SCOPE} GROUP BY w.account_ref, b.wallet_id, b.key HAVING count(*) > 1
    """,
    "charged": f"""
        SELECT w.account_ref, b.call_ref, 'cost ' || b.total_cost, 'charged ' || COALESCE((-t.amount)::text, 'nothing')
          FROM call_usage b
          JOIN call_wallet w ON w.id = b.wallet_id
          LEFT JOIN call_wallet_transaction t
                 ON t.usage_id = b.id AND t.wallet_id = b.wallet_id AND t.key = 'call/' || b.call_ref
         WHERE {SCOPE} AND (t.id IS NULL OR t.amount <> -b.total_cost)
    """,
    "held": f"""
        SELECT w.account_ref, 'held ' || b.held_amount, 'live holds ' || COALESCE(h.total, 0),
               'disputed ' || COALESCE(d.total, 0)
          FROM call_wallet_balance b
          JOIN call_wallet w ON w.id = b.wallet_id
          LEFT JOIN (SELECT wallet_id, sum(amount) AS total FROM call_wallet_hold
                      WHERE state = 'held' AND {ASKED} GROUP BY wallet_id) h ON h.wallet_id = b.wallet_id
          LEFT JOIN (SELECT wallet_id, sum(amount) AS total FROM call_wallet_stripe_held
                      WHERE {ASKED} GROUP BY wallet_id) d ON d.wallet_id = b.wallet_id
         WHERE {SCOPE} AND b.held_amount <> COALESCE(h.total, 0) + COALESCE(d.total, 0)
    """,
    "status": f"""
        SELECT w.account_ref, 'status ' || b.state
          FROM call_wallet_balance b
          JOIN call_wallet w ON w.id = b.wallet_id
         WHERE {SCOPE}
           AND (b.is_set_up <> EXISTS (SELECT FROM call_wallet_recipient r WHERE r.wallet_id = b.wallet_id)
                OR b.state <> CASE WHEN NOT b.is_set_up THEN 'not_set_up'
                                   WHEN b.is_paused_by_hand OR b.balance <= 0 THEN 'paused' ELSE 'active' END)
    """,
    "topups": f"""
        SELECT w.account_ref, 'top-up ' || b.id, 'amount ' || b.amount, 'credited ' || b.credited_amount,
               'ledger ' || COALESCE(t.total, 0)
          FROM call_wallet_topup b
          JOIN call_wallet w ON w.id = b.wallet_id
          LEFT JOIN (SELECT topup_id, sum(amount) AS total FROM call_wallet_transaction
                      WHERE topup_id IS NOT NULL AND {ASKED} GROUP BY topup_id) t ON t.topup_id = b.id
         WHERE {SCOPE} AND (b.credited_amount <> COALESCE(t.total, 0) OR b.credited_amount > b.amount)
    """,
    "posted": f"""
        SELECT w.account_ref, 'entries ' || x.entered, 'ledger ' || x.ledger, 'rounded ' || x.rounded,
               'posted totals ' || x.counted
          FROM (SELECT b.wallet_id, COALESCE(gl.entered, 0) AS entered, COALESCE(t.ledger, 0) AS ledger,
                       round(COALESCE(t.ledger, 0) / c.rounding) * c.rounding AS rounded,
                       COALESCE(p.counted, 0) AS counted, COALESCE(p.ledger, 0) AS counted_ledger
                  FROM call_wallet_balance b
                  JOIN call_wallet w ON w.id = b.wallet_id
                  JOIN res_currency c ON c.id = w.currency_id
                  LEFT JOIN (SELECT l.call_wallet_id, sum(l.amount_currency) AS entered
                               FROM account_move_line l
                               JOIN account_move m ON m.id = l.move_id
                               JOIN account_account a ON a.id = l.account_id
                              WHERE m.call_wallet_posting_id IS NOT NULL AND m.state = 'posted'
                                AND (%(all)s OR l.call_wallet_id = ANY(%(ids)s))
                                AND a.account_type LIKE 'liability%%'
                              GROUP BY l.call_wallet_id) gl ON gl.call_wallet_id = b.wallet_id
                  LEFT JOIN (SELECT wallet_id, -sum(amount) AS ledger FROM call_wallet_transaction
                              WHERE move_id IS NOT NULL AND {ASKED} GROUP BY wallet_id) t ON t.wallet_id = b.wallet_id
                  LEFT JOIN (SELECT wallet_id, sum(posted_amount) AS counted, sum(ledger_amount) AS ledger
                               FROM call_wallet_posted WHERE {ASKED} GROUP BY wallet_id) p ON p.wallet_id = b.wallet_id
                 WHERE {SCOPE}) x
          JOIN call_wallet w ON w.id = x.wallet_id
         WHERE x.entered <> x.rounded OR x.entered <> x.counted OR x.ledger <> x.counted_ledger
    """,
    "entries": f"""
        SELECT w.account_ref, m.name, m.state, 'debit less credit ' || sum(l.balance),
               'in the currency ' || sum(l.amount_currency)
          FROM (SELECT b.move_id, min(b.wallet_id) AS wallet_id
                  FROM call_wallet_transaction b
                 WHERE {SCOPE} AND b.move_id IS NOT NULL
                 GROUP BY b.move_id) x
          JOIN account_move m ON m.id = x.move_id
          JOIN account_move_line l ON l.move_id = m.id
          JOIN call_wallet w ON w.id = x.wallet_id
         GROUP BY w.account_ref, m.id
        HAVING sum(l.balance) <> 0 OR sum(l.amount_currency) <> 0 OR m.state <> 'posted'
    """,
    "entered": f"""
        WITH taken AS (
            SELECT b.move_id, b.wallet_id, -sum(b.amount) AS ledger
              FROM call_wallet_transaction b
             WHERE {SCOPE} AND b.move_id IS NOT NULL
             GROUP BY b.move_id, b.wallet_id
        ), entered AS (
            SELECT l.move_id, l.call_wallet_id AS wallet_id, sum(l.amount_currency) AS entered
              FROM account_move_line l
              JOIN account_account a ON a.id = l.account_id
             WHERE l.call_wallet_id IN (SELECT wallet_id FROM taken) AND l.move_id IN (SELECT move_id FROM taken)
               AND a.account_type LIKE 'liability%%'
             GROUP BY l.move_id, l.call_wallet_id
        )
        SELECT w.account_ref, m.name, 'transactions ' || t.ledger, 'entered ' || COALESCE(e.entered, 0)
          FROM taken t
          LEFT JOIN entered e USING (move_id, wallet_id)
          JOIN call_wallet w ON w.id = t.wallet_id
          JOIN res_currency c ON c.id = w.currency_id
          JOIN account_move m ON m.id = t.move_id
         WHERE abs(t.ledger - COALESCE(e.entered, 0)) > c.rounding
    """,
    "totals": f"""
        SELECT w.account_ref, x.type, 'ledger ' || COALESCE(x.ledger, 0), 'daily totals ' || COALESCE(x.days, 0),
               'running total ' || x.running
          FROM (SELECT b.wallet_id, k.type, k.running,
                       (SELECT sum(t.amount) FROM call_wallet_transaction t
                         WHERE t.wallet_id = b.wallet_id AND t.type = k.type) AS ledger,
                       (SELECT sum(d.amount) FROM call_wallet_day d
                         WHERE d.wallet_id = b.wallet_id AND d.type = k.type) AS days
                  FROM call_wallet_balance b,
                       LATERAL (VALUES ('usage', -b.total_used), ('balance_added', b.total_added),
                                       ('refund', b.total_refunded), ('reversal', -b.total_reversed)) k(type, running)
                 WHERE {SCOPE}) x
          JOIN call_wallet w ON w.id = x.wallet_id
         WHERE COALESCE(x.ledger, 0) <> COALESCE(x.days, 0) OR COALESCE(x.ledger, 0) <> x.running
    """,
}
