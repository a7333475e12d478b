/**
 * The status page as it is served: its files, embedded in the program, with their types. One page that asks nothing of
 * any other host, and may run and load nothing but itself.
 */
import type { HttpHeaders } from "../platform/http_headers.ts";
import { answerText } from "../lib/answer_text.ts";
import index from "./page/index.html" with { type: "text" };
import style from "./page/style.css" with { type: "text" };
import tableStyle from "./page/table.css" with { type: "text" };
import actions from "./page/actions.js" with { type: "text" };
import advice from "./page/advice.js" with { type: "text" };
import announce from "./page/announce.js" with { type: "text" };
import app from "./page/app.js" with { type: "text" };
import connection from "./page/connection.js" with { type: "text" };
import detail from "./page/detail.js" with { type: "text" };
import dialogs from "./page/dialogs.js" with { type: "text" };
import events from "./page/events.js" with { type: "text" };
import format from "./page/format.js" with { type: "text" };
import html from "./page/html.js" with { type: "text" };
import icon from "./page/icon.js" with { type: "text" };
import order from "./page/order.js" with { type: "text" };
import periods from "./page/periods.js" with { type: "text" };
import plot from "./page/plot.js" with { type: "text" };
import row from "./page/row.js" with { type: "text" };
import store from "./page/store.js" with { type: "text" };
import strip from "./page/strip.js" with { type: "text" };
import table from "./page/table.js" with { type: "text" };
import ticker from "./page/ticker.js" with { type: "text" };
import view from "./page/view.js" with { type: "text" };
import wakeBar from "./page/wake_bar.js" with { type: "text" };
import htmLicence from "./page/vendor/htm.LICENSE" with { type: "text" };
import htm from "./page/vendor/htm.js" with { type: "text" };
import preactLicence from "./page/vendor/preact.LICENSE" with { type: "text" };
import preact from "./page/vendor/preact.js" with { type: "text" };
import uplotLicence from "./page/vendor/uplot.LICENSE" with { type: "text" };
import plotStyle from "./page/vendor/uplot.css" with { type: "text" };
import uplot from "./page/vendor/uplot.js" with { type: "text" };

const SCRIPTS = {
  ...{ actions, advice, announce, app, connection, detail, dialogs, events, format, html },
  ...{ icon, order, periods, plot, row, store, strip, table, ticker, view, wake_bar: wakeBar },
  ...{ "vendor/htm": htm, "vendor/preact": preact, "vendor/uplot": uplot },
};

type File = readonly [text: string, type: string];

/** By path: its text and its type. */
const FILES: ReadonlyMap<string, File> = new Map<string, File>([
  ["/", [index, "text/html; charset=utf-8"]],
  ["/page/style.css", [style, "text/css; charset=utf-8"]],
  ["/page/table.css", [tableStyle, "text/css; charset=utf-8"]],
  ["/page/vendor/uplot.css", [plotStyle, "text/css; charset=utf-8"]],
  // Whoever is given the packages is given their licences.
  ["/page/vendor/htm.LICENSE", [htmLicence, "text/plain; charset=utf-8"]],
  ["/page/vendor/preact.LICENSE", [preactLicence, "text/plain; charset=utf-8"]],
  ["/page/vendor/uplot.LICENSE", [uplotLicence, "text/plain; charset=utf-8"]],
  ...Object.entries(SCRIPTS).map(([name, text]) =>
    [`/page/${name}.js`, [text, "text/javascript; charset=utf-8"]] as [string, File]
  ),
]);

const POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"],
  ...["img-src 'self' data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join("; ");

/** What answers at `path`; undefined if that is no part of the page. */
export function statusPage(path: string, headers: HttpHeaders): (() => Response) | undefined {
  const file = FILES.get(path);
  if (!file) return undefined;
  const [text, type] = file;
  const etag = `"${digest(text)}"`;
  const common = {
    ...{ etag, "cache-control": "no-cache", "content-security-policy": POLICY },
    ...{ "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" },
  };
  return () =>
    isKnown(headers.get("if-none-match"), etag)
      ? new Response(null, { status: 304, headers: common })
      : answerText(text, type, { headers: common });
}

function isKnown(known: string | null, etag: string): boolean {
  return known?.split(",").some((each) => each.trim().replace(/^W\//, "") === etag) ?? false;
}

/** FNV-1a: tells two versions of a file apart, and needs no more than that. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return `${text.length.toString(36)}-${(hash >>> 0).toString(36)}`;
}
