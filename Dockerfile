# syntax=docker/dockerfile:1
# Builds Gatewatch from source and ships the binary alone. Holds no secret: the installation's key
# is made in the data volume at first start, and so are the tokens (`gatewatch token create`).

FROM rust:1.95-slim-bookworm AS build
# librdkafka, OpenSSL and SQLite are built from their crates' own sources: hence a C toolchain.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends cmake g++ make perl pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --locked --release --package gatewatch \
    && install -D --mode=0755 target/release/gatewatch /out/gatewatch

FROM debian:bookworm-slim
# The system's certificates are for brokers and webhooks behind public authorities.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 gatewatch \
    && useradd --system --uid 10001 --gid gatewatch --home-dir /var/lib/gatewatch --shell /usr/sbin/nologin gatewatch \
    && install --directory --owner=gatewatch --group=gatewatch --mode=0700 /var/lib/gatewatch \
    && install --directory --owner=gatewatch --group=gatewatch --mode=0700 /feed
COPY --from=build /out/gatewatch /usr/local/bin/gatewatch
USER 10001:10001
WORKDIR /var/lib/gatewatch
VOLUME /var/lib/gatewatch
EXPOSE 8080
# bash speaks enough HTTP for this, so that the image needs no client of its own.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=4 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *' 200 '* ]]"]
ENTRYPOINT ["gatewatch"]
CMD ["run", "--config", "/etc/gatewatch/gatewatch.toml", "--data", "/var/lib/gatewatch"]
