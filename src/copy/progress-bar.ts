// The progress of a copy for people: a bar on the terminal's standard error; nothing where there is
// no terminal.
import { SingleBar } from 'cli-progress';
import type { RunProgress } from './run-environment.js';

/** Shows progress of a copy that has more than a few days to go. */
export class ProgressBar {
  #bar: SingleBar | undefined;

  /** Called at every day of a rollup. */
  readonly show = ({ doneSlices, allSlices, rowCount }: RunProgress): void => {
    if (!process.stderr.isTTY || allSlices < 8) return;
    if (this.#bar === undefined) {
      this.#bar = new SingleBar({
        format:
          'copying {bar} {percentage}% | {value}/{total} days | {rows} rows | {duration_formatted}',
        hideCursor: true,
        stream: process.stderr,
      });
      this.#bar.start(allSlices, 0, { rows: 0 });
    }
    this.#bar.update(doneSlices, { rows: rowCount });
  };

  /** Leaves the terminal as it was. */
  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}
