-- Who may do what in ClickHouse. Run once as an administrator, after setting the passwords; repeatable. On a cluster add
-- ON CLUSTER to each statement. Tests run the job, its owner and an analyst with exactly these grants.

-- The owner: tables and views (anlyt-etl migrate), and dropping copies that nobody reads (anlyt-etl drop-old).
CREATE USER IF NOT EXISTS anlyt_etl_owner IDENTIFIED WITH sha256_password BY '<password of the owner>';
CREATE DATABASE IF NOT EXISTS sms_analytics;
-- A view is replaced by way of a table beside it, hence DROP TABLE.
GRANT CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP VIEW, DROP TABLE, ALTER, SELECT, INSERT ON sms_analytics.* TO anlyt_etl_owner;
-- Used on a cluster only: it allows ON CLUSTER in what is granted otherwise, and nothing more.
GRANT CLUSTER ON *.* TO anlyt_etl_owner;

-- The job: it adds rows and reads back what it added. It cannot change, drop or truncate anything.
CREATE USER IF NOT EXISTS anlyt_etl IDENTIFIED WITH sha256_password BY '<password of the job>';
GRANT INSERT, SELECT ON sms_analytics.outcome_copy TO anlyt_etl;
GRANT INSERT, SELECT ON sms_analytics.money_copy TO anlyt_etl;
GRANT INSERT, SELECT ON sms_analytics.latency_copy TO anlyt_etl;
GRANT INSERT, SELECT ON sms_analytics.throughput_copy TO anlyt_etl;
GRANT INSERT, SELECT ON sms_analytics.copy_mark TO anlyt_etl;
GRANT SELECT ON sms_analytics.schema_migration TO anlyt_etl;
-- It sees how views are defined, to tell one that is gone or says something else; it cannot read them.
GRANT SHOW TABLES ON sms_analytics.* TO anlyt_etl;

-- Analysts: views run with the rights of who asks, hence the tables behind them too. Nothing can be written.
CREATE ROLE IF NOT EXISTS sms_analyst;
GRANT SELECT ON sms_analytics.* TO sms_analyst;
CREATE SETTINGS PROFILE IF NOT EXISTS sms_analyst_limits
  SETTINGS readonly = 2, max_execution_time = 120, max_memory_usage = 8000000000 TO sms_analyst;
