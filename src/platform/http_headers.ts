/** Header fields as a list, with what is asked of them: Deno's `Headers` take 30 µs more a request (2.9.6). */

/** Names in lower case, in the order of arrival. */
export type HeaderList = [name: string, value: string][];

/** What is asked of `Headers` here; theirs will do as well. */
export type HttpHeaders =
  & Pick<Headers, "get" | "has" | "set" | "append" | "delete" | "forEach">
  & Iterable<[name: string, value: string]>;

export class HeaderFields implements HttpHeaders {
  /** `list` becomes its own; names in lower case. */
  constructor(readonly list: HeaderList = []) {}

  get(name: string): string | null {
    return joined(this.list, name.toLowerCase()) ?? null;
  }

  has(name: string): boolean {
    const wanted = name.toLowerCase();
    return this.list.some(([each]) => each === wanted);
  }

  set(name: string, value: string): void {
    const wanted = name.toLowerCase();
    const field = this.list.find(([each]) => each === wanted);
    if (!field) return void this.list.push([wanted, value]);
    field[1] = value;
    if (this.list.some((each) => each !== field && each[0] === wanted)) {
      this.#keep((each) => each === field || each[0] !== wanted);
    }
  }

  append(name: string, value: string): void {
    this.list.push([name.toLowerCase(), value]);
  }

  delete(name: string): void {
    const wanted = name.toLowerCase();
    if (this.has(wanted)) this.#keep(([each]) => each !== wanted);
  }

  forEach(use: (value: string, name: string, headers: Headers) => void): void {
    for (const [name, value] of this.list) use(value, name, this as unknown as Headers);
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.list[Symbol.iterator]();
  }

  #keep(isKept: (field: [string, string]) => boolean): void {
    this.list.splice(0, Infinity, ...this.list.filter(isKept));
  }
}

/** All values of `name`, joined as RFC 9110 section 5.3 has it; undefined if there is none. */
export function joined(fields: HeaderList, name: string): string | undefined {
  let found: string | undefined;
  for (const [each, value] of fields) {
    if (each === name) found = found === undefined ? value : `${found}, ${value}`;
  }
  return found;
}
