// Arrays and instants as Postgres writes and reads them. Made here, since `pg` makes an array of
// instants from Date objects, of which a question has hundreds.
import {
  dayOf,
  type EpochMicros,
  formatDay,
  MICROS_PER_DAY,
  MICROS_PER_MINUTE,
} from '../domain/time/instant.js';

/** An array of instants, whole minutes. */
export function instants(list: readonly EpochMicros[]): string {
  let day = Number.NaN;
  let date = '';
  const texts = list.map((instant) => {
    const own = dayOf(instant);
    if (own !== day) {
      day = own;
      date = formatDay(own);
    }
    const minute = (instant - own * MICROS_PER_DAY) / MICROS_PER_MINUTE;
    const [hours, minutes] = [Math.floor(minute / 60), minute % 60];
    return `${date} ${hours < 10 ? '0' : ''}${hours}:${minutes < 10 ? '0' : ''}${minutes}Z`;
  });
  return `{${texts.join(',')}}`;
}

/** The numbers of an array of whole numbers: `{1,2,3}`. */
export function readNumbers(text: string): number[] {
  return text.length <= 2 ? [] : text.slice(1, -1).split(',').map(Number);
}
