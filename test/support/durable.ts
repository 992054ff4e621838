// The name of the first generation's durable, as the migrations write it.

export const DURABLE = 'analytics-rollup';
