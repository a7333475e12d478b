/**
 * Counters, gauges and histograms, and the text that Prometheus reads (exposition format 0.0.4). Labels are given as
 * values in the order of their names; what may become a label is the caller's care.
 */

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

type Labels = readonly string[];

/** A family whose text is made at each scrape. */
interface Exposed {
  lines(): Iterable<string>;
}

export class Counter implements Exposed {
  readonly #values = new Map<string, { readonly labels: Labels; value: number }>();

  constructor(readonly family: Family) {}

  /** Adds `by`, which may be 0: then the series is there before anything happens. */
  add(by: number, ...labels: Labels): void {
    const key = labels.join("\0");
    const series = this.#values.get(key);
    if (series) series.value += by;
    else this.#values.set(key, { labels, value: by });
  }

  *lines(): Iterable<string> {
    yield* header(this.family, "counter");
    for (const { labels, value } of this.#values.values()) {
      yield sample(this.family.name, this.family.labels, labels, value);
    }
  }
}

/** Its values are asked for at each scrape: what is not there any more is not told any more. */
export class Gauge implements Exposed {
  constructor(
    readonly family: Family,
    readonly collect: (set: (value: number, ...labels: Labels) => void) => void,
    readonly type: "gauge" | "counter" = "gauge",
  ) {}

  *lines(): Iterable<string> {
    yield* header(this.family, this.type);
    const lines: string[] = [];
    this.collect((value, ...labels) =>
      lines.push(sample(this.family.name, this.family.labels, labels, value))
    );
    yield* lines;
  }
}

export class Histogram implements Exposed {
  readonly #series = new Map<
    string,
    { readonly labels: Labels; readonly counts: number[]; sum: number; count: number }
  >();

  /** `bounds`: the buckets' upper ends, rising; `+Inf` goes without saying. */
  constructor(readonly family: Family, readonly bounds: readonly number[]) {}

  observe(value: number, ...labels: Labels): void {
    const key = labels.join("\0");
    let series = this.#series.get(key);
    if (!series) {
      series = { labels, counts: this.bounds.map(() => 0), sum: 0, count: 0 };
      this.#series.set(key, series);
    }
    const at = this.bounds.findIndex((bound) => value <= bound);
    if (at >= 0) series.counts[at]!++;
    series.sum += value;
    series.count++;
  }

  *lines(): Iterable<string> {
    const { name, labels: names = [] } = this.family;
    yield* header(this.family, "histogram");
    for (const { labels, counts, sum, count } of this.#series.values()) {
      let below = 0;
      for (const [i, bound] of this.bounds.entries()) {
        below += counts[i]!;
        yield sample(`${name}_bucket`, [...names, "le"], [...labels, String(bound)], below);
      }
      yield sample(`${name}_bucket`, [...names, "le"], [...labels, "+Inf"], count);
      yield sample(`${name}_sum`, names, labels, sum);
      yield sample(`${name}_count`, names, labels, count);
    }
  }
}

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The page of all `families`, in their order. */
export function exposition(families: Iterable<Exposed>): string {
  const lines: string[] = [];
  for (const family of families) lines.push(...family.lines());
  return lines.join("\n") + "\n";
}

function header({ name, help }: Family, type: string): string[] {
  return [`# HELP ${name} ${help.replace(/[\\\n]/g, escaped)}`, `# TYPE ${name} ${type}`];
}

function sample(name: string, names: Labels = [], labels: Labels, value: number): string {
  const pairs = names.map((label, i) =>
    `${label}="${(labels[i] ?? "").replace(/[\\\n"]/g, escaped)}"`
  );
  return `${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${number(value)}`;
}

function escaped(character: string): string {
  return character === "\n" ? "\\n" : `\\${character}`;
}

function number(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}
