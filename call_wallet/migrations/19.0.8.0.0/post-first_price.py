from odoo.addons.call_wallet.models.wallet.res_company import NEAR_DOLLAR


def migrate(cr, version):
    """Leave the price of WhatsApp empty where nobody has set it and it was thought of in other money: see 0.02 yen.

    A company that has wallets has sold at this price; it keeps it, and its settings warn.
    """
    cr.execute(
        """
        UPDATE res_company co SET call_wallet_whatsapp_rate = NULL
          FROM res_currency cur
         WHERE cur.id = co.currency_id AND NOT cur.name = ANY(%s) AND co.call_wallet_whatsapp_rate = 0.02
           AND NOT EXISTS (SELECT FROM call_wallet w WHERE w.company_id = co.id)
        """,
        [sorted(NEAR_DOLLAR)],
    )
