# syntax=docker/dockerfile:1

# The gateway, bundled, and the Deno that runs it; nothing else is in the image, nobody is root.
#
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" -t vllm-autoscaler .

FROM --platform=$BUILDPLATFORM node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d AS build
ARG BUILDARCH
ARG TARGETARCH
WORKDIR /src

# Deno for the machine that builds, and for the one that the image is for. Its packages hold one file of interest
# each, which is taken out: no script of theirs runs.
RUN for arch in "$BUILDARCH" "$TARGETARCH"; do \
      case "$arch" in \
        amd64) cpu=x64 ;; \
        arm64) cpu=arm64 ;; \
        *) echo "no Deno for the architecture '$arch'; build for amd64 or arm64" >&2; exit 1 ;; \
      esac \
      && mkdir -p "/deno/$arch" \
      && npm pack --silent --pack-destination "/deno/$arch" "@deno/linux-$cpu-glibc@2.9.6" \
      && tar -xzf "/deno/$arch/"*.tgz -C "/deno/$arch" --strip-components=1 package/deno \
      && chmod 0755 "/deno/$arch/deno" || exit 1; \
    done

COPY . .
RUN ln -s /image/app /app \
    && "/deno/$BUILDARCH/deno" run --frozen --allow-all tools/image_root.ts /image "/deno/$TARGETARCH/deno"

# Deno needs glibc and libgcc. There is no shell in it, and no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot@sha256:9dac0a79194e45a7da0158a9c6da57b217585af0786db3845d1f0ec1a0dd182f

ARG VERSION=""
ARG REVISION=""
ARG SOURCE=""
LABEL org.opencontainers.image.title="vllm-autoscaler" \
      org.opencontainers.image.description="A gateway for language models that sleep" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE"

COPY --from=build /image/ /

# Without the first, V8 sizes its heap by the memory of the host and not of the container. DENO_DIR has what Deno would
# otherwise find out of the program again at each start. The last four count with OTEL_DENO=true: spans are the
# gateway's own, since Deno's would show whole URLs; whom a client's trace leaves out is left out.
ENV DENO_USE_CGROUPS=1 \
    DENO_DIR=/var/cache/deno \
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

# It may listen and connect, and read itself and what is mounted for it: no other file, no write, no program. Of the
# environment it sees its own names; what a config refers to begins with VLLM_AUTOSCALER_ as well. The small young
# generation halves what a loaded gateway keeps in memory.
ENTRYPOINT ["/usr/local/bin/deno", "run", "--no-config", "--no-prompt", \
  "--v8-flags=--max-semi-space-size=2", \
  "--allow-net", "--allow-sys=hostname", \
  "--allow-env=VLLM_AUTOSCALER_*,VLLM_NAMESPACE,VLLM_DEPLOYMENT,VLLM_TARGET,VLLM_PORT,IDLE_TIMEOUT,PORT,POD_NAME,KUBERNETES_SERVICE_HOST,KUBERNETES_SERVICE_PORT,KUBECONFIG,HOME,NO_COLOR,OTEL_DENO", \
  "--ignore-env", \
  "--allow-read=/app,/etc/vllm-autoscaler,/var/run/secrets/kubernetes.io/serviceaccount", \
  "/app/vllm-autoscaler.js"]
CMD ["serve"]
