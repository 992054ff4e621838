-- Records of acts: a record before the act and one after it, both under the act's own correlation id; and each role writes
-- its own kind of record only.

ALTER TABLE audit_record DROP CONSTRAINT audit_record_outcome_check;
ALTER TABLE audit_record ADD CONSTRAINT audit_record_outcome_check
  CHECK (outcome IN ('denied', 'begun', 'done', 'failed'));

-- When the row came, by the clock of Postgres, which nobody but the owner can set: occurred_at of a denial is the minute
-- that the api says. Null where the row is older than this column.
ALTER TABLE audit_record ADD COLUMN recorded_at timestamptz;
ALTER TABLE audit_record ALTER COLUMN recorded_at SET DEFAULT now();

REVOKE INSERT ON audit_record FROM analytics_platform, analytics_ops;
GRANT INSERT (occurred_at, actor, action, target, outcome, reason, occurrences, correlation_id)
  ON audit_record TO analytics_platform;
GRANT INSERT (actor, action, target, outcome, reason, correlation_id) ON audit_record TO analytics_ops;

-- The api writes denials and nothing in the name of ops; ops writes its own acts and no denial. The owner migrates by ops.
ALTER TABLE audit_record ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_record FORCE ROW LEVEL SECURITY;
CREATE POLICY denials ON audit_record FOR INSERT TO analytics_platform
  WITH CHECK (outcome = 'denied' AND target = '' AND actor NOT LIKE 'ops:%');
CREATE POLICY acts ON audit_record FOR INSERT TO analytics_ops, analytics_owner
  WITH CHECK (outcome <> 'denied' AND actor LIKE 'ops:_%');
CREATE POLICY readers ON audit_record FOR SELECT TO analytics_ops, analytics_owner USING (true);
