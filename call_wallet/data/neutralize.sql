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
