-- The login roles of sms-analytics, one per duty, for whoever runs Postgres. Once per cluster, as a role that may create
-- roles, in the service's database; repeatable, and the way to change a password:
--   ANALYTICS_OWNER_PASSWORD=… ANALYTICS_INGEST_PASSWORD=… … psql -d sms_analytics -f deploy/postgres/roles.sql
-- What each role may do is granted by the migrations. None is superuser or bypasses row-level security: the service
-- refuses to start under one that does. (src/postgres/roles.ts does the same; a test compares the two.)
\set ON_ERROR_STOP on
\getenv owner_password ANALYTICS_OWNER_PASSWORD
\getenv ingest_password ANALYTICS_INGEST_PASSWORD
\getenv platform_password ANALYTICS_PLATFORM_PASSWORD
\getenv account_password ANALYTICS_ACCOUNT_PASSWORD
\getenv etl_password ANALYTICS_ETL_PASSWORD
\getenv ops_password ANALYTICS_OPS_PASSWORD

-- Passwords must not reach the server's log. Only a superuser may say so; whoever is none turns it off beforehand.
\set ON_ERROR_STOP off
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
\set ON_ERROR_STOP on

SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['analytics_owner', 'analytics_ingest', 'analytics_platform', 'analytics_account', 'analytics_etl',
                  'analytics_ops']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

ALTER ROLE analytics_owner LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
ALTER ROLE analytics_ingest LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD :'ingest_password';
ALTER ROLE analytics_platform LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD :'platform_password';
ALTER ROLE analytics_account LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD :'account_password';
ALTER ROLE analytics_etl LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD :'etl_password';
ALTER ROLE analytics_ops LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD :'ops_password';

SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()) \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO analytics_owner, analytics_ingest, analytics_platform,
  analytics_account, analytics_etl, analytics_ops', current_database()) \gexec
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CREATE, USAGE ON SCHEMA public TO analytics_owner;
GRANT USAGE ON SCHEMA public TO analytics_ingest, analytics_platform, analytics_account, analytics_etl, analytics_ops;
-- To see the snapshots of other roles' sessions, for which a retired generation waits.
SELECT 'GRANT pg_read_all_stats TO analytics_ops'
WHERE NOT pg_has_role('analytics_ops', 'pg_read_all_stats', 'MEMBER') \gexec
