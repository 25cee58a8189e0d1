/**
 * Whether a file is read on this thread or on one of Node's.
 *
 * A small read of a file that the system has in its memory takes a few microseconds; the way through another thread and
 * back takes ten times as long. But a read that has to wait for a disk holds up everything else on this thread. Which of
 * the two it will be cannot be asked, only seen afterwards: so reads are done here for as long as they are quick. After
 * a slow one some go through the other threads, more each time that the next try is slow again.
 */

/** A read that takes longer has waited for something. */
const QUICK_MS = 0.15;
/** Reads that go through other threads after a slow one, at first and at most. */
const FEWEST_SENT_AWAY = 4;
const MOST_SENT_AWAY = 256;
/** After so long the event loop gets a turn, for timers, signals and sockets, by way of a read in another thread. */
const LONGEST_STRETCH_MS = 10;

export class ReadPace {
  #sentAway = FEWEST_SENT_AWAY;
  #toSendAway = 0;
  #stretchStart = Number.NEGATIVE_INFINITY;
  #awaitsTurn = false;
  readonly #now: () => number;

  /** @param now - milliseconds since any moment */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Reads in whichever of the two ways is advisable now. */
  read<T>(here: () => T, elsewhere: () => Promise<T>): T | Promise<T> {
    if (this.#toSendAway > 0 || this.#awaitsTurn) {
      this.#toSendAway = Math.max(0, this.#toSendAway - 1);
      return elsewhere();
    }
    const started = this.#now();
    if (started - this.#stretchStart > LONGEST_STRETCH_MS) {
      this.#awaitsTurn = true;
      return elsewhere().finally(() => {
        this.#awaitsTurn = false;
        this.#stretchStart = this.#now();
      });
    }
    const result = here();
    if (this.#now() - started <= QUICK_MS) {
      this.#sentAway = FEWEST_SENT_AWAY;
    } else {
      this.#toSendAway = this.#sentAway;
      this.#sentAway = Math.min(2 * this.#sentAway, MOST_SENT_AWAY);
    }
    return result;
  }
}
