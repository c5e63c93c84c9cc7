# The program `tasker` with its server, in two stages: what builds stays behind.
#
#   docker build -t tasker .
#   docker run --rm -v tasker:/var/lib/tasker tasker key create --name ops --permissions 'tasks:*'
#   docker run -v tasker:/var/lib/tasker -p 127.0.0.1:8080:8080 tasker
#
# TASKER_STORE names the store: a file in the volume, or postgres://… . The server listens beyond
# loopback here, so it starts only when there is a key; docs/operations.md has the rest.

FROM debian:12-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev make pkg-config libsqlite3-dev \
        libyaml-dev libpq-dev libmicrohttpd-dev libssl-dev libcurl4-openssl-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN make -j"$(nproc)" all && make install PREFIX=/usr DESTDIR=/out

FROM debian:12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends libsqlite3-0 libyaml-0-2 libpq5 libmicrohttpd12 \
        libssl3 libcurl4 ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 1000 --home-dir /var/lib/tasker --create-home tasker
COPY --from=build /out/usr/bin/tasker /usr/bin/tasker
USER tasker
WORKDIR /var/lib/tasker
VOLUME /var/lib/tasker
ENV TASKER_STORE=sqlite:/var/lib/tasker/tasker.db
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["tasker", "health", "--server", "http://127.0.0.1:8080"]
ENTRYPOINT ["tasker"]
CMD ["serve", "--listen", "0.0.0.0:8080"]
