/** Reads Prometheus' text format strictly, as its parser does: what it does not understand is an error. */

export interface Metric {
  readonly type: string;
  readonly help: string;
  readonly samples: {
    readonly name: string;
    readonly labels: Record<string, string>;
    readonly value: number;
  }[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = '([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\\\\n]|\\\\["\\\\n])*)"';
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)?\\})? (\\S+)$`);

/** By the name of the family. @throws Error with the line */
export function parseExposition(text: string): Map<string, Metric> {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const families = new Map<string, Metric>();
  const help = new Map<string, string>();
  const seen = new Set<string>();
  let current = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (kind === "HELP") {
      if (help.has(name)) throw new Error(`told twice: ${line}`);
      help.set(name, rest);
      continue;
    }
    if (kind === "TYPE") {
      if (families.has(name)) throw new Error(`told twice: ${line}`);
      if (!/^(counter|gauge|histogram)$/.test(rest)) throw new Error(`no type: ${line}`);
      families.set(current = name, { type: rest, help: help.get(name) ?? "", samples: [] });
      continue;
    }
    const match = SAMPLE.exec(line);
    if (!match) throw new Error(`not understood: ${line}`);
    const [, sample = "", pairs = ""] = match;
    const labels = Object.fromEntries(
      [...pairs.matchAll(new RegExp(LABEL, "g"))].map(([, label, value]) => [label!, value!]),
    );
    const value = match.at(-1)!.replace("Inf", "Infinity");
    if (Number.isNaN(Number(value))) throw new Error(`no number: ${line}`);
    const family = families.get(current);
    const suffix = sample.slice(current.length);
    const isOf = sample.startsWith(current) &&
      (suffix === "" || (family?.type === "histogram" && /^_(bucket|sum|count)$/.test(suffix)));
    if (!family || !isOf) throw new Error(`of no family: ${line}`);
    const key = line.slice(0, line.lastIndexOf(" "));
    if (seen.has(key)) throw new Error(`told twice: ${line}`);
    seen.add(key);
    family.samples.push({ name: sample, labels, value: Number(value) });
  }
  return families;
}
