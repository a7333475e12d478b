/** The kinds of value that the config file holds: each checks its text and says what to write. */
import * as z from "zod";
import { DURATION_PATTERN, parseDuration } from "../lib/duration.ts";
import { parseSize, SIZE_PATTERN } from "../lib/size.ts";
import { ADDRESS_PATTERN, parseAddress } from "./address.ts";

/** A text that `read` takes; the message is what `read` throws, the pattern is for editors. */
function readable(read: (text: string) => unknown, pattern?: RegExp): z.ZodString {
  const schema = z.string().superRefine((text, ctx) => {
    try {
      read(text);
    } catch (error) {
      ctx.addIssue({ code: "custom", message: (error as Error).message });
    }
  });
  return pattern ? schema.meta({ pattern: pattern.source }) : schema;
}

export interface DurationOptions {
  readonly never?: boolean;
  /** Refuse zero: as a deadline it would fail everything. */
  readonly positive?: boolean;
}

export function duration({ never = false, positive = false }: DurationOptions = {}): z.ZodString {
  const pattern = never ? new RegExp(`^never$|${DURATION_PATTERN.source}`) : DURATION_PATTERN;
  return readable((text) => {
    if (parseDuration(text, { never }) === 0 && positive) {
      throw new Error("must be longer than zero");
    }
  }, pattern);
}

export function size(): z.ZodString {
  return readable((text) => {
    if (parseSize(text) === 0) throw new Error("must be larger than zero");
  }, SIZE_PATTERN);
}

export function address(): z.ZodString {
  return readable(parseAddress, ADDRESS_PATTERN);
}

/** A whole number in a range. */
export function count(min: number, max: number): z.ZodInt {
  return z.int().min(min).max(max);
}

const CONTROL = /\p{Cc}/u;

/** Text of any number of lines; programs and files take no NUL. */
export function text(): z.ZodString {
  return readable((text) => {
    if (text === "") throw new Error("must not be empty");
    if (text.includes("\0")) throw new Error("must not hold a NUL character");
  }, /^[^]+$/);
}

/** Text on one line. */
export function line(): z.ZodString {
  return readable((text) => {
    if (text === "") throw new Error("must not be empty");
    if (CONTROL.test(text)) throw new Error("must not hold control characters");
  }, /^.+$/);
}

/** Text on one line, or "" for none. */
export function optionalLine(): z.ZodString {
  return readable((text) => {
    if (CONTROL.test(text)) throw new Error("must not hold control characters");
  }, /^.*$/);
}

/** The name of an environment variable, or "" for none. */
export function envName(): z.ZodString {
  return z.string().regex(
    /^([A-Za-z_][A-Za-z0-9_]*)?$/,
    "must be the name of an environment variable, e.g. UPSTREAM_KEY (without '$')",
  );
}

/** What a client may put into `model`. */
export function modelName(): z.ZodString {
  return readable((text) => {
    if (/^\S{1,256}$/.test(text) && !CONTROL.test(text)) return;
    throw new Error("a model's name has 1 to 256 characters and no spaces");
  }, /^\S{1,256}$/);
}

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const SUBDOMAIN = "[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?";
const PORT = "(?:[1-9][0-9]{0,4}|[a-z0-9-]*[a-z][a-z0-9-]*)";

/** A namespace's name, or "" for the default. */
export function namespace(): z.ZodString {
  return z.string().regex(
    new RegExp(`^(${LABEL})?$`),
    "must be a Kubernetes namespace: small letters, digits and '-'",
  );
}

export const OBJECT_PATTERN = new RegExp(`^(?:(${LABEL})/)?(${SUBDOMAIN})$`);

/** `[namespace/]name` of a Kubernetes object. */
export function objectName(): z.ZodString {
  return z.string().regex(
    OBJECT_PATTERN,
    "must be [namespace/]name of a Kubernetes object: small letters, digits, '-' and '.'",
  );
}

/** The name of a Kubernetes object alone. */
export function plainName(): z.ZodString {
  return z.string().regex(
    new RegExp(`^${SUBDOMAIN}$`),
    "must be the name of a Kubernetes object: small letters, digits, '-' and '.'",
  );
}

export const SERVICE_PATTERN = new RegExp(`^(?:(${LABEL})/)?(${LABEL})(?::(${PORT}))?$`);

/** `[namespace/]name[:port]` of a Kubernetes Service. */
export function serviceName(): z.ZodString {
  return readable((text) => {
    const match = SERVICE_PATTERN.exec(text);
    if (!match) {
      throw new Error("must be [namespace/]name[:port] of a Service, e.g. ai-apps/vllm:8000");
    }
    if (Number(match[3]) > 65_535) throw new Error(`there is no port ${match[3]}`);
  }, SERVICE_PATTERN);
}

/** `group/version` or `v1`. */
export function apiVersion(): z.ZodString {
  return z.string().regex(
    /^(?:[a-z0-9.-]+\/)?v[0-9][a-z0-9]*$/,
    "must be group/version, e.g. leaderworkerset.x-k8s.io/v1",
  );
}

/** A range of IP addresses. */
export function cidr(): z.ZodString {
  return readable((text) => {
    if (z.regexes.cidrv4.test(text) || z.regexes.cidrv6.test(text)) return;
    throw new Error(
      `'${text}' is not a CIDR: write e.g. 10.0.0.0/8, or 10.0.0.1/32 for one address`,
    );
  }, /^[0-9A-Fa-f:.]+\/\d{1,3}$/);
}

/** `scheme://host[:port]`, as browsers write it in `Origin`. */
export function origin(): z.ZodString {
  return readable((text) => {
    if (URL.canParse(text) && new URL(text).origin === text) return;
    const meant = URL.canParse(text) ? new URL(text).origin : "null";
    throw new Error(
      `'${text}' is not an origin: write ${meant === "null" ? "https://app.example.com" : meant}` +
        (text === "*" ? ", or 'cors: true' for every origin" : ""),
    );
  }, /^[a-z][a-z0-9+.-]*:\/\/[^/]+$/);
}

/** An `http(s)` base URL; `${PORT}` may stand for its port. */
export function upstreamUrl(): z.ZodString {
  return readable((text) => {
    const shown = text.replaceAll("${PORT}", "1");
    const url = URL.canParse(shown) ? new URL(shown) : undefined;
    if (!url || !/^https?:$/.test(url.protocol) || !/^https?:\/\/[^/]/.test(shown)) {
      throw new Error("must be a base URL, e.g. http://host:8000 or https://host/prefix");
    }
    if (url.username || url.password) {
      throw new Error(
        "must not hold a user or password: use 'upstreamKeyFile' or 'upstreamKeyEnv'",
      );
    }
    if (url.search || url.hash || /[?#]/.test(shown)) {
      throw new Error("must not hold '?' or '#': it is what paths are added to");
    }
  }, /^https?:\/\/[^/\s?#]+(\/[^\s?#]*)?$/);
}

/** A path on the server, from the root. */
export function path(): z.ZodString {
  return z.string().regex(
    /^\/[^\s?#]*$/,
    "must be a path that begins with '/', without '?' and '#'",
  );
}

/** The path of a route: what requests' paths begin with. */
export function routePath(): z.ZodString {
  return readable((text) => {
    if (!/^\/[^\s?#]*$/.test(text)) {
      throw new Error("must be a path that begins with '/', without '?' and '#'");
    }
    if (/\/\/|\/\.{1,2}(\/|$)|\*/.test(text)) {
      throw new Error("must not hold '//', '.', '..' or '*': a route is a plain prefix");
    }
  }, /^\/[^\s?#*]*$/);
}

/** A host's name without a port. */
export function hostName(): z.ZodString {
  return z.string().regex(
    /^([A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])$/,
    "must be a host's name without a port, e.g. embed.example.com",
  );
}

export function sha256(): z.ZodString {
  return z.string().regex(
    /^[0-9A-Fa-f]{64}$/,
    'must be 64 hexadecimal digits: the SHA-256 of the key (printf %s "$KEY" | sha256sum)',
  );
}
