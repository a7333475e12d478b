/** Server-sent events out of pieces of text, however they were cut; pure. */

export class EventParser {
  #rest = "";

  /** The events that are whole with `text`: their names, and their data parsed. */
  push(text) {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop();
    return blocks.flatMap((block) => {
      const lines = block.split("\n");
      const field = (name) =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field("data");
      return data === undefined ? [] : [{ name: field("event"), data: JSON.parse(data) }];
    });
  }
}
