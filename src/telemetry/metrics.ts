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

/** A family whose text is made at each scrape; what stays the same of it, its labels, is made once. */
interface Exposed {
  /** Adds its lines to `page`. */
  tell(page: string[]): void;
}

export class Counter implements Exposed {
  readonly #values = new Map<string, { readonly series: string; value: number }>();

  constructor(readonly family: Family) {}

  /** Adds `by`, which may be 0: then the series is there before anything happens. */
  add(by: number, ...labels: Labels): void {
    const key = labels.join("\0");
    const known = this.#values.get(key);
    if (known) known.value += by;
    else this.#values.set(key, { series: seriesOf(this.family, labels), value: by });
  }

  tell(page: string[]): void {
    page.push(header(this.family, "counter"));
    for (const { series, value } of this.#values.values()) page.push(series + number(value));
  }
}

/** Its values are asked for at each scrape: what is not there any more is not told any more. */
export class Gauge implements Exposed {
  readonly #series = new Map<string, string>();

  constructor(
    readonly family: Family,
    readonly collect: (set: (value: number, ...labels: Labels) => void) => void,
    readonly type: "gauge" | "counter" = "gauge",
  ) {}

  tell(page: string[]): void {
    page.push(header(this.family, this.type));
    this.collect((value, ...labels) => {
      const key = labels.join("\0");
      let series = this.#series.get(key);
      if (series === undefined) this.#series.set(key, series = seriesOf(this.family, labels));
      page.push(series + number(value));
    });
  }
}

interface Distribution {
  /** Of each bucket, the last one's bound is `+Inf`; then of sum and count. */
  readonly series: readonly string[];
  readonly counts: number[];
  sum: number;
}

export class Histogram implements Exposed {
  readonly #all = new Map<string, Distribution>();

  /** `bounds`: the buckets' upper ends, rising; `+Inf` goes without saying. */
  constructor(readonly family: Family, readonly bounds: readonly number[]) {}

  observe(value: number, ...labels: Labels): void {
    const key = labels.join("\0");
    let one = this.#all.get(key);
    if (!one) {
      one = {
        series: this.#seriesOf(labels),
        counts: Array(this.bounds.length + 1).fill(0),
        sum: 0,
      };
      this.#all.set(key, one);
    }
    const at = this.bounds.findIndex((bound) => value <= bound);
    one.counts[at < 0 ? this.bounds.length : at]!++;
    one.sum += value;
  }

  tell(page: string[]): void {
    page.push(header(this.family, "histogram"));
    for (const { series, counts, sum } of this.#all.values()) {
      let below = 0;
      for (const [i, count] of counts.entries()) page.push(series[i]! + (below += count));
      page.push(series.at(-2)! + number(sum), series.at(-1)! + below);
    }
  }

  #seriesOf(labels: Labels): string[] {
    const { name, help, labels: names = [] } = this.family;
    const bucket = { name: `${name}_bucket`, help, labels: [...names, "le"] };
    return [
      ...[...this.bounds, "+Inf"].map((bound) => seriesOf(bucket, [...labels, String(bound)])),
      ...["sum", "count"].map((part) =>
        seriesOf({ name: `${name}_${part}`, help, labels: names }, labels)
      ),
    ];
  }
}

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The page of all `families`, in their order. */
export function exposition(families: Iterable<Exposed>): string {
  const page: string[] = [];
  for (const family of families) family.tell(page);
  return page.join("\n") + "\n";
}

function header({ name, help }: Family, type: string): string {
  return `# HELP ${name} ${help.replace(/[\\\n]/g, escaped)}\n# TYPE ${name} ${type}`;
}

/** A line without its value. */
function seriesOf({ name, labels: names = [] }: Family, labels: Labels): string {
  const pairs = names.map((label, i) =>
    `${label}="${(labels[i] ?? "").replace(/[\\\n"]/g, escaped)}"`
  );
  return `${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} `;
}

function escaped(character: string): string {
  return character === "\n" ? "\\n" : `\\${character}`;
}

function number(value: number): string {
  if (value === Infinity) return "+Inf";
  return value === -Infinity ? "-Inf" : String(value);
}
