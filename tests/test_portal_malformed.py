"""Addresses and forms that no page of ours makes: they find nothing, and break nothing."""

from odoo.tests import tagged

from .test_portal import PortalCommon

# ``str.isdigit`` takes it, ``int`` does not.
RAISED_TWO = "\N{SUPERSCRIPT TWO}"


@tagged("post_install", "-at_install", "standard")
class TestMalformed(PortalCommon):
    def test_an_id_that_is_no_number_is_no_record(self):
        self.assertEqual(self.open_page("portal-owner", f"{self.path()}?topup={RAISED_TWO}").status_code, 200)
        for page, field in (
            ("people", "add"),
            ("people", "remove"),
            ("cards", "remove"),
            ("information", "country_id"),
        ):
            with self.subTest(page=page, field=field):
                answer = self.post("portal-owner", self.path(page), [(field, RAISED_TWO)])
                self.assertIn(answer.status_code, (303, 422))

    def test_the_way_back_from_stripe_is_open_to_anybody_and_unknown_addresses_are_not_found(self):
        self.authenticate(None, None)
        for query in ("", "?tx=1", f"?tx={RAISED_TWO}&token=x", "?tx=999999999&token=x", f"?tx=1&token={RAISED_TWO}"):
            with self.subTest(query=query):
                self.assertEqual(self.url_open(f"/call_wallet/stripe/return{query}").status_code, 404)

    def test_a_request_key_that_the_database_cannot_hold_is_named(self):
        terms = self.env["call.wallet.terms"]._current()
        form = {"package": "other", "other_amount": "50", "accept_terms": "on", "terms_id": terms.id}
        answer = self.post("portal-owner", self.path("add"), [*form.items(), ("request_key", "a\x00b")])
        self.assertEqual(answer.status_code, 422)
        self.assertIn("request_key", answer.text)
        self.assertFalse(self.wallet.topup_ids)
