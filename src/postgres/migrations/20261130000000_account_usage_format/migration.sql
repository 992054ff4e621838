-- The format of the texts `counts`, `codes` and `money` (src/rollups/cell-text.ts). A row in another format is not read, and
-- ingest writes it anew. Programs that do not know the column write format 1: the default.
ALTER TABLE account_usage_day ADD COLUMN format smallint NOT NULL DEFAULT 1;

-- Ingest finds the days to write anew in it. It is empty unless the program has changed its format.
CREATE INDEX account_usage_day_other_format ON account_usage_day (generation, bucket) WHERE format <> 1;
