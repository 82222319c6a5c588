from odoo import models

from ...tools.clock import utcnow
from ...tools.sources import KINDS
from ...tools.sources.event import LOGIN
from ...tools.sources.legs import Family, Leg, families_of_conversations, leg_of
from ...tools.sql import array
from ...tools.task import in_company_language
from .call_source_call import LEG_WAIT
from .call_source_sql import CHILDREN, LEGS, LINES_OF, REFS_OF


class CallSourceCallLegs(models.Model):
    """Calls that dial others: which leg is charged, who pays for it, and under which reference.

    The caller holds the locks of the rows, which are ``Gathered``.
    """

    _inherit = "call.source.call"

    def _families(self, source, rows):
        """Return the ``Family`` of each of these calls, by the source's ids."""
        if KINDS[source.kind].parent_is_shared:
            shared = array({row.parent_ref for row in rows if row.parent_ref})
            self.env.cr.execute(LEGS, {"source": source.id, "parents": shared})
            stored = {leg.ref: leg for leg in (Leg(*found) for found in self.env.cr.fetchall())}
            return families_of_conversations([*{**stored, **{row.ref: leg_of(row) for row in rows}}.values()])
        refs = [row.ref for row in rows]
        self.env.cr.execute(CHILDREN, {"source": source.id, "refs": array(refs)})
        parents = {ref for (ref,) in self.env.cr.fetchall()}
        parents |= {row.parent_ref for row in rows if row.parent_ref and row.is_phone}
        return {row.ref: Family(row.ref in parents, row.parent_ref) for row in rows}

    def _wait_for_leg(self, row):
        return row._replace(state="waiting", due_at=row.first_over_at + LEG_WAIT), None

    def _give_back(self, source, rows, families):
        """Take back what was charged of calls that have dialled another, which was heard of later; return the rows.

        The leg is charged instead. What cannot be given back any more stays, with the reason.
        """
        new = [row for row in rows if row.is_phone and row.first_over_at and row.state not in ("reported", "ignored")]
        dialled_by = {families[row.ref].parent for row in new}
        late = [row for row in rows if row.state == "reported" and row.ref in dialled_by]
        if not late or source.legs != "one":
            return rows
        # All wallets of the transaction at once, so that two of them do not wait for each other.
        accounts = {row.account for row in late} | set(source._find_accounts([(row.facts, row.lines) for row in new]))
        wallets = (
            self.env["call.wallet"].with_context(active_test=False).search([("account_ref", "in", list(accounts))])
        )
        self.env["call.wallet.ledger"]._lock(wallets.ids)
        reason = in_company_language(source).env._("A leg that the call has dialled is charged instead.")
        results = self.env["call.usage"].void_calls(
            [{"account": row.account, "call_ref": row.call_ref, "reason": reason} for row in late]
        )
        ends = {
            row.ref: row._replace(state="ignored", problem=None)
            if result["result"] in ("corrected", "duplicate")
            else row._replace(problem=result["reason"])
            for row, result in zip(late, results, strict=True)
        }
        return [ends.get(row.ref, row) for row in rows]

    def _lines_of_legs(self, source, rows, families):
        """Return by which lines each call's wallet is looked for, and which calls wait for the one that dialled them.

        A call to one of our numbers that is passed on may show the caller's number: then the number that was called
        tells who pays, and the source says it of the other leg alone, which may end later. Both by the source's ids.
        """
        lines = {row.ref: row.lines for row in rows}
        legs = [row for row in rows if families[row.ref].parent]
        if not legs:
            return lines, set()
        parents = array({families[row.ref].parent for row in legs} - {row.ref for row in rows if row.lines})
        self.env.cr.execute(LINES_OF, {"source": source.id, "refs": parents})
        stored = {ref: (lines, direction) for ref, lines, direction in self.env.cr.fetchall()}
        known = {**{row.ref: (row.lines, row.facts.get("direction")) for row in rows if row.lines}, **stored}
        listed, expecting = set(source.line_ids.mapped("key")), set()
        for row in legs:
            above, direction = known.get(families[row.ref].parent, (None, None))
            if above and direction == "inbound":
                # Who was called pays, whatever number the leg shows.
                lines[row.ref] = above + [line for line in row.lines if line not in above]
            elif above:
                lines[row.ref] = [line for line in row.lines if line not in above] + above
            elif _may_have_other_payer(row, listed):
                expecting.add(row.ref)
        return lines, expecting

    def _with_refs_apart(self, source, rows, families):
        """Return the rows; a reference of the platform that another leg of the call bears already is taken off.

        A platform that gives one address to all that it dials gives them one reference. The second would be another
        content of a call that is charged, and would not be: it keeps the source's own id instead.
        """
        legs = [row for row in rows if row.facts.get("call_ref") and (row.parent_ref or source.legs == "all")]
        if not legs or not KINDS[source.kind].has_legs:
            return rows
        named = {row.ref: (row.parent_ref or row.ref, row.facts["call_ref"]) for row in legs}
        asked = array({family for family, _call_ref in named.values()})
        self.env.cr.execute(REFS_OF, {"source": source.id, "refs": asked, "all": source.legs == "all"})
        bearer = {(family, call_ref): ref for family, call_ref, ref in self.env.cr.fetchall()}
        for row in legs:
            is_charged = source.legs == "all" or families[row.ref].parent
            if row.first_over_at and row.is_phone and is_charged:
                bearer.setdefault(named[row.ref], row.ref)
        others = {ref for ref, name in named.items() if bearer.get(name, ref) != ref}
        return [_without_ref(row) if row.ref in others else row for row in rows]


def _may_have_other_payer(row, listed):
    """Tell whether a leg that has ended could be paid by a wallet that its own lines do not name."""
    is_decided = row.state in ("reported", "ignored") or not (row.first_over_at and row.is_phone)
    # Some providers leave the plus out, and people write it.
    own, known = row.lines[0].removeprefix("+") if row.lines else None, {key.removeprefix("+") for key in listed}
    if is_decided or row.facts.get("account") or row.facts.get(LOGIN) or own in known:
        return False
    return bool(listed - set(row.lines)) and utcnow() < row.first_over_at + LEG_WAIT


def _without_ref(row):
    return row._replace(facts={name: value for name, value in row.facts.items() if name != "call_ref"})
