# systemprompt analytics in a container. Two images from one build:
#
#   docker build -t systemprompt .                    with PostgreSQL's programs: its own cluster in
#                                                     the volume, nothing else to run
#   docker build -t systemprompt --target external .  without: needs DATABASE_URL, small
#
# Both run as a user without rights and write to /data alone.

FROM rust:1.95-slim-trixie AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked -p systemprompt-server -p systemprompt --features systemprompt/parquet \
    && install -D -t /out/bin target/release/systemprompt-server target/release/systemprompt

FROM debian:trixie-slim AS external
RUN useradd --system --uid 10001 --home-dir /data --create-home systemprompt \
    && install -d -o systemprompt -g systemprompt -m 0700 /data
COPY --from=build /out/bin/ /usr/local/bin/
# By its number, so that Kubernetes can tell that it is not root.
USER 10001
WORKDIR /data
ENV SYSTEMPROMPT_STORAGE=/data
VOLUME /data
EXPOSE 8080
# Others reach it: they need a token (`systemprompt admin token create NAME --kind gw`).
ENTRYPOINT ["systemprompt-server", "--listen", "0.0.0.0:8080"]

FROM external AS embedded
USER root
# Our own cluster is all we want of the package.
RUN mkdir -p /etc/postgresql-common \
    && echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf \
    && apt-get update \
    && apt-get install -y --no-install-recommends postgresql \
    && rm -rf /var/lib/apt/lists/*
USER 10001
