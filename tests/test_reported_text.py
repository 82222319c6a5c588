from .common import CallWalletCommon

# All that an array's text form, a quoted string or a placeholder could stumble over.
AWKWARD = ['say "hi"', "back\\slash\\", "{a,b}", "it's; --", "NULL", "100 %s %", "日本 é 😀", '\\"', ","]


class TestReportedText(CallWalletCommon):
    def test_text_is_kept_as_it_was_reported_whatever_its_characters(self):
        calls = [self._call(call_ref=f"ref {text}", application_ref=text, campaign=text) for text in AWKWARD]
        calls.append(self._call())
        self._fund(self.wallet, 100)

        results = self._record(*calls)

        self.assertEqual({result["result"] for result in results}, {"charged"})
        for call in calls[:-1]:
            usage = self._usage_of(call)
            self.assertEqual(usage.application_ref, call["application_ref"])
            self.assertEqual(usage.campaign_id.name, call["campaign"])
            self.assertEqual(usage.transaction_ids.key, "call/" + call["call_ref"])
        self.assertFalse(self._usage_of(calls[-1]).application_ref)
        self.assertSound()

    def test_the_repeat_of_a_call_is_recognised_whatever_its_reference(self):
        calls = [self._call(call_ref=f"ref {text}") for text in AWKWARD]
        first = self._record(*calls)

        again = self._record(*calls)

        self.assertEqual([result["result"] for result in again], ["duplicate"] * len(calls))
        self.assertEqual([result["transaction"] for result in again], [result["transaction"] for result in first])

    def test_a_refused_call_is_kept_with_its_text_as_it_was_reported(self):
        calls = [self._call(call_ref=f"ref {text}", number="+999123456", campaign=text) for text in AWKWARD]

        results = self._record(*calls)

        self.assertEqual({result["result"] for result in results}, {"rejected"})
        kept = self.env["call.usage.rejection"].search([("account", "=", self.wallet.account_ref)])
        self.assertEqual(sorted(kept.mapped("call_ref")), sorted(call["call_ref"] for call in calls))
