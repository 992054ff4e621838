// What statements need of Postgres: a pool, or one connection of it inside a transaction.
import type { Pool } from 'pg';

export type Queryable = Pick<Pool, 'query'>;
