// Announces what is judged and durable, after its commit. At most once: a publisher that heard
// nothing publishes again, and the copy is announced. So an announcement that fails is said in the
// log, and never holds up counting.
import type { NatsConnection } from 'nats';
import {
  countedContents,
  countedSubject,
  refusedContents,
  refusedSubject,
} from '../../nats/announcements.js';
import type { Log } from '../../platform/log.js';
import { type JudgedBatch, verdictsOn } from './verdict.js';

const SOURCES = ['billing', 'dlr'] as const;

/** Announces a batch that the serving generation has committed. Never throws. */
export function announceJudged(
  connection: Pick<NatsConnection, 'publish'>,
  log: Log,
  batch: JudgedBatch,
): void {
  try {
    const verdicts = verdictsOn(batch);
    for (const source of SOURCES) {
      const { counted, refused } = verdicts[source];
      for (const content of countedContents(counted)) {
        connection.publish(countedSubject(source), content);
      }
      for (const content of refusedContents(refused)) {
        connection.publish(refusedSubject(source), content);
      }
    }
  } catch (error) {
    log.warn('batch not announced', { error });
  }
}
