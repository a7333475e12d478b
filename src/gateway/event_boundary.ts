/** Where an event stream stands between two events, told from the last bytes that passed. */

const BLANK_LINE = /(?:\n\n|\r\r|\n\r|\n\r\n)$/;

export class EventBoundary {
  /** The last three characters; an empty stream stands before its first event. */
  #tail = "\n\n";

  /** Notes a chunk of any size; bytes that are no ASCII only need to differ from line ends. */
  pass(chunk: Uint8Array): void {
    this.#tail = (this.#tail + String.fromCharCode(...chunk.subarray(-3))).slice(-3);
  }

  /** What must follow so that the event under way, if there is one, is finished. */
  get rest(): string {
    if (BLANK_LINE.test(this.#tail)) return "";
    // After a lone CR one LF would only complete that line's end.
    return this.#tail.endsWith("\n") ? "\n" : "\n\n";
  }
}
