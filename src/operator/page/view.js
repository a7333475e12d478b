/** What the reader has chosen to see, kept in the address, so that it can be sent to somebody; pure. */
import { GROUPS } from "./order.js";

const DEFAULTS = { text: "", group: "all", sort: "name", descending: false };
const SORTS = ["name", "state", "pending", "inFlight", "sleepsIn", "replicas", "lastWake", "freed"];

export function readView(hash) {
  const words = new URLSearchParams(hash.slice(1));
  const sort = words.get("sort") ?? "";
  const by = sort.replace(/^-/, "");
  const group = words.get("state") ?? "";
  return {
    text: words.get("q") ?? "",
    group: group in GROUPS ? group : "all",
    sort: SORTS.includes(by) ? by : DEFAULTS.sort,
    descending: SORTS.includes(by) && sort.startsWith("-"),
    open: new Set(words.getAll("open")),
  };
}

/** Empty if nothing was chosen. */
export function writeView({ text, group, sort, descending, open }) {
  const words = new URLSearchParams();
  if (text) words.set("q", text);
  if (group !== "all") words.set("state", group);
  if (sort !== DEFAULTS.sort || descending) words.set("sort", (descending ? "-" : "") + sort);
  for (const name of open) words.append("open", name);
  return words.size > 0 ? `#${words}` : "";
}
