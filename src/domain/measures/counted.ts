// The finest grains that are counted; every coarser one is a sum of them.

/** Base grain of outcomes, money and latency: every civil offset is a multiple of it. */
export const BASE_GRAIN_MINUTES = 15;
/** Base grain of throughput. */
export const THROUGHPUT_GRAIN_MINUTES = 1;
