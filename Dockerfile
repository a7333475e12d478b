# syntax=docker/dockerfile:1

# The gateway, bundled, and the Deno that runs it; nothing else is in the image, nobody is root.
#
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" -t vllm-autoscaler .

FROM --platform=$BUILDPLATFORM node:24-bookworm-slim AS build
WORKDIR /app
COPY . .
RUN npx -y deno@2.9.6 task bundle

# The same Deno for the machine that the image is for; its package holds one file of interest.
ARG TARGETARCH
RUN case "$TARGETARCH" in \
      amd64) cpu=x64 ;; \
      arm64) cpu=arm64 ;; \
      *) echo "no Deno for the architecture '$TARGETARCH'; build for amd64 or arm64" >&2; exit 1 ;; \
    esac \
    && npm pack --silent "@deno/linux-$cpu-glibc@2.9.6" \
    && tar -xzf deno-linux-*.tgz --strip-components=1 package/deno \
    && chmod 0755 deno

FROM gcr.io/distroless/cc-debian12:nonroot@sha256:9dac0a79194e45a7da0158a9c6da57b217585af0786db3845d1f0ec1a0dd182f

ARG VERSION=""
ARG REVISION=""
LABEL org.opencontainers.image.title="vllm-autoscaler" \
      org.opencontainers.image.description="A gateway for language models that sleep" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"

COPY --from=build /app/deno /usr/local/bin/deno
COPY --from=build /app/dist/ /app/
COPY --from=build /app/LICENSE /app/LICENSE

# Without the first, V8 sizes its heap by the memory of the host and not of the container. Deno wants
# a folder of its own to be named; it works without ever writing there. The last four count with
# OTEL_DENO=true: spans are the gateway's own, since Deno's would show whole URLs; whom a client's trace leaves out is left out.
ENV DENO_USE_CGROUPS=1 \
    DENO_DIR=/tmp/deno \
    DENO_NO_UPDATE_CHECK=1 \
    NO_COLOR=1 \
    OTEL_SERVICE_NAME=vllm-autoscaler \
    OTEL_DENO_TRACING=false \
    OTEL_DENO_METRICS=false \
    OTEL_TRACES_SAMPLER=parentbased_always_on

# The config and the keys that it names are mounted here; `serve` finds ./config.yaml by itself.
WORKDIR /etc/vllm-autoscaler
USER 65532:65532
EXPOSE 8080 9090

# It may listen and connect, and read itself and what is mounted for it: no other file, no write, no program.
# The small young generation halves what a loaded gateway keeps in memory.
ENTRYPOINT ["/usr/local/bin/deno", "run", "--no-config", "--no-prompt", "--no-code-cache", \
  "--v8-flags=--max-semi-space-size=2", \
  "--allow-net", "--allow-env", "--allow-sys=hostname", \
  "--allow-read=/app,/etc/vllm-autoscaler,/var/run/secrets/kubernetes.io/serviceaccount", \
  "/app/main.js"]
CMD ["serve"]
