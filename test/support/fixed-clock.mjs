// Loaded before a program (`node --import`): its wall clock stands at the instant of FIXED_CLOCK,
// while timers and monotonic time go on. So an answer does not depend on when it is asked.
const fixed = Date.parse(process.env.FIXED_CLOCK ?? '');
if (Number.isNaN(fixed)) throw new Error('FIXED_CLOCK is no instant');

globalThis.Date = class extends Date {
  constructor(...args) {
    if (args.length === 0) super(fixed);
    else super(...args);
  }
  static now() {
    return fixed;
  }
};
