"""How Odoo's privacy lookup finds what names people here.

We do not depend on that module (``privacy_lookup``): whoever removes it would remove the wallets with it. Where it
is installed, its search is extended, as Odoo's own ``base_automation`` extends methods of models that it does not know.
The module itself finds contacts (and calls by their manager) and notification recipients; numbers called, and the
texts in holds and rejected calls, it does not.
"""

import json

from odoo.tools import SQL

WIZARD = "privacy.lookup.wizard"


def look_up_calls(env):
    """Extend the search of Odoo's privacy lookup, where it is installed, once a registry."""
    if WIZARD not in env:
        return
    wizard_class = env.registry[WIZARD]
    search = wizard_class._get_query
    if getattr(search, "call_wallet", False):
        return

    def _get_query(self):
        return SQL("%s UNION ALL %s", search(self), _calls_and_copies(self))

    _get_query.call_wallet = True
    wizard_class._get_query = _get_query


def _calls_and_copies(wizard):
    """Return the part of the search that is about calls, holds and rejected calls of one person.

    A person is known by e-mail, by name, and by the telephone number of the contact found (``indirect_references``
    are Odoo's contacts of that e-mail or name). A call in progress is found once it has ended.
    """
    name, email = wizard.name.strip(), wizard.email.strip()
    model_id = wizard.env["ir.model"]._get_id
    return SQL(
        FOUND,
        usage=model_id("call.usage"),
        hold=model_id("call.wallet.hold"),
        rejection=model_id("call.usage.rejection"),
        email=f"%{email}%",
        name=name,
        text=email,
        # A value of the payload, as JSON writes it.
        quoted=json.dumps(name),
    )


# Payloads name numbers as they were sent, with spaces and brackets.
FOUND = """
    SELECT %(usage)s, c.id, TRUE
      FROM call_usage c
     WHERE c.number IN (SELECT phone_sanitized FROM res_partner
                         WHERE id IN (SELECT id FROM indirect_references))
       AND (c.manager_id IS NULL OR c.manager_id NOT IN (SELECT id FROM indirect_references))
     UNION
    SELECT %(usage)s, k.usage_id, TRUE
      FROM call_usage_correction k
     WHERE k.number IN (SELECT phone_sanitized FROM res_partner
                         WHERE id IN (SELECT id FROM indirect_references))
        OR k.manager_id IN (SELECT id FROM indirect_references)
     UNION ALL
    SELECT %(hold)s, h.id, TRUE
      FROM call_wallet_hold h
     WHERE h.state <> 'held'
       AND (h.manager ILIKE %(email)s OR h.manager ILIKE %(name)s
            OR h.number IN (SELECT phone_sanitized FROM res_partner
                             WHERE id IN (SELECT id FROM indirect_references)))
     UNION ALL
    SELECT %(rejection)s, r.id, TRUE
      FROM call_usage_rejection r
     WHERE strpos(lower(r.payload), lower(%(text)s)) > 0 OR strpos(lower(r.payload), lower(%(quoted)s)) > 0
        OR EXISTS (SELECT FROM res_partner p
                    WHERE p.id IN (SELECT id FROM indirect_references) AND p.phone_sanitized <> ''
                      AND strpos(regexp_replace(r.payload, '[^0-9]', '', 'g'),
                                 regexp_replace(p.phone_sanitized, '[^0-9]', '', 'g')) > 0)
"""
