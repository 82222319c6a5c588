"""Leave Stripe's fees and payouts to finance where it has entered them by hand so far: nothing is entered twice.

A finance manager switches it on in the settings. Companies that were never paid through Stripe have it on.
"""


def migrate(cr, version):
    """Switch it off for companies with payments through Stripe; called by Odoo once."""
    cr.execute("""
        UPDATE res_company
           SET call_wallet_book_fees = FALSE
         WHERE id IN (SELECT p.company_id
                        FROM payment_transaction t
                        JOIN payment_provider p ON p.id = t.provider_id
                       WHERE p.code = 'stripe' AND t.state = 'done')
    """)
