/**
 * What people would use instead of the gateway, configured alike: one worker, connections to the upstream kept, nothing
 * buffered, nothing logged, no limit that a measurement would meet. None of them looks into a body.
 */
import { isInstalled, output } from "./installed.ts";

export interface Other {
  readonly name: string;
  /** The program, built if it must be; or why there is none. */
  find(): Promise<{ readonly path: string } | { readonly reason: string }>;
  readonly versionArgs: readonly string[];
  /** The config file, in a folder of its own. */
  config(at: Place): string;
  readonly args: (file: string) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Place {
  readonly dir: string;
  readonly port: number;
  readonly upstreamPort: number;
}

const NGINX: Other = {
  name: "nginx",
  find: () => installed("nginx"),
  versionArgs: ["-v"],
  // Connections are not to be counted: each is made again after 1,000 requests otherwise.
  config: ({ dir, port, upstreamPort }) => `
daemon off;
worker_processes 1;
pid ${dir}/nginx.pid;
error_log stderr error;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  client_max_body_size 64m;
  keepalive_requests 100000000;
  upstream model {
    server 127.0.0.1:${upstreamPort};
    keepalive 1024;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://model;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
    }
  }
}
`,
  args: (file) => ["-c", file],
};

export const HAPROXY: Other = {
  name: "haproxy",
  find: () => installed("haproxy"),
  versionArgs: ["-v"],
  // Without the option it gathers events for 40 ms.
  config: ({ port, upstreamPort }) => `
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  option http-no-delay
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend all
  bind 127.0.0.1:${port}
  default_backend model
backend model
  server one 127.0.0.1:${upstreamPort}
`,
  // In the foreground.
  args: (file) => ["-db", "-f", file],
};

const CADDY_MODULE = "github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9";

const CADDY: Other = {
  name: "caddy",
  find: findCaddy,
  versionArgs: ["version"],
  config: ({ port, upstreamPort }) => `
{
  admin off
  persist_config off
  auto_https off
}
http://127.0.0.1:${port} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${upstreamPort} {
    flush_interval -1
    transport http {
      keepalive_idle_conns_per_host 1024
    }
  }
}
`,
  args: (file) => ["run", "--adapter", "caddyfile", "--config", file],
  env: { GOMAXPROCS: "1" },
};

export const OTHERS: readonly Other[] = [NGINX, HAPROXY, CADDY];

async function installed(name: string) {
  // Debian has programs of root's where not everybody looks.
  for (const path of [name, `/usr/sbin/${name}`]) if (await isInstalled(path)) return { path };
  return { reason: `${name} is not installed` };
}

/** Else built once a machine, in minutes. */
async function findCaddy() {
  const go = await output("go", ["env", "GOPATH"]);
  const cache = Deno.env.get("XDG_CACHE_HOME") || `${Deno.env.get("HOME") ?? "/tmp"}/.cache`;
  const [module, version] = CADDY_MODULE.split("@");
  const folder = `${cache}/vllm-autoscaler/caddy-${version}`;
  const places = ["caddy", ...go === "" ? [] : [`${go}/bin/caddy`], `${folder}/caddy`];
  for (const path of places) if (await isInstalled(path)) return { path };
  console.log(`== go install ${module}@${version}`);
  const built = await output("go", ["install", CADDY_MODULE], { GOBIN: folder, CGO_ENABLED: "0" });
  return await isInstalled(`${folder}/caddy`)
    ? { path: `${folder}/caddy` }
    : { reason: `caddy is not installed, and Go cannot build it: ${built}` };
}
