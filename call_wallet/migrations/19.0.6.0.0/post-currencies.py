"""Settings are amounts of the company's currency now; what calls cost stays, in every currency that wallets have."""

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Keep prices and acceptances as they were; called by Odoo once, with the version that was installed."""
    # WhatsApp cost the number in the settings, in whatever currency: no customer's price changes by an update. Where it
    # is far from the company's price, the settings say so.
    cr.execute("""
        INSERT INTO call_wallet_price (company_id, currency_id, whatsapp_rate, create_uid, write_uid, create_date,
                                       write_date)
        SELECT DISTINCT w.company_id, w.currency_id, co.call_wallet_whatsapp_rate, 1, 1, now() AT TIME ZONE 'UTC',
               now() AT TIME ZONE 'UTC'
          FROM call_wallet w
          JOIN res_company co ON co.id = w.company_id
         WHERE w.currency_id <> co.currency_id
        ON CONFLICT DO NOTHING
    """)
    # There was one text a version, for readers of all languages.
    cr.execute("""
        UPDATE call_wallet_topup t SET terms_lang = 'en_US', terms_fingerprint = s.fingerprint
          FROM call_wallet_terms s WHERE s.id = t.terms_id AND t.terms_lang IS NULL
    """)
    env = api.Environment(cr, SUPERUSER_ID, {})
    for company, currency in env["call.wallet"]._read_group([], ["company_id", "currency_id"]):
        if company._call_wallet_has_rate(currency):
            env["call.wallet.package"]._ensure(company, currency)
