-- A copy for testing tells no platform of anything, and nobody takes its messages for those of the original.
UPDATE call_wallet_webhook
   SET active = FALSE,
       secret = 'whsec_' || encode(decode(md5(random()::text) || md5(random()::text), 'hex'), 'base64'),
       previous_secret = NULL,
       previous_until = NULL;
UPDATE call_wallet_webhook_delivery
   SET state = 'failed', next_attempt_at = NULL
 WHERE state = 'waiting';
-- Nor does it take calls from anybody.
UPDATE call_source SET active = FALSE, secret = NULL, previous_secret = NULL, previous_until = NULL;
UPDATE call_source SET folder = NULL;
UPDATE call_source_file SET state = 'cancelled' WHERE state IN ('draft', 'waiting', 'running');
-- It charges no card. Odoo disables the payment providers; what would ask them, and what signs for them, goes as well.
UPDATE call_wallet SET auto_topup_state = 'off', auto_topup_token_id = NULL WHERE auto_topup_state <> 'off';
UPDATE call_wallet_auto_topup SET state = 'cancelled', reason = 'stopped' WHERE state IN ('charging', 'pending');
UPDATE payment_provider SET call_wallet_webhook_secret = NULL;
-- Nor does it mail owners, should somebody give it a mail server. A wallet without recipients would not be set up, so
-- each gets an address that can never exist (RFC 2606).
UPDATE call_wallet_recipient SET email = 'recipient-' || id || '@call-wallet.invalid';
