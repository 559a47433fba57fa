# syntax=docker/dockerfile:1
# Two stages: what compiles stays behind. The result has no shell, no package manager and no root.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY scripts/build.mjs scripts/page.mjs scripts/image.mjs scripts/
COPY src src
COPY detectors detectors
COPY runbooks runbooks
COPY policies policies
# What the image holds, and its bill of materials (CycloneDX, /app/sbom.cdx.json); the same script serves the tests.
RUN node scripts/image.mjs /out && mkdir /data

FROM gcr.io/distroless/nodejs24-debian12:nonroot
WORKDIR /app
ENV NODE_ENV=production WATCHKEEPER_DATA_DIR=/data WATCHKEEPER_LOG_FORMAT=json
COPY --from=build --chown=65532:65532 /data /data
COPY --from=build /out ./
VOLUME /data
# Probes ask /healthz and /readyz over HTTP; there is nothing in here that could run a HEALTHCHECK command.
HEALTHCHECK NONE
USER 65532:65532
# Mount /etc/watchkeeper with a watchkeeper.yaml. Listening beyond loopback needs a token there.
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=2", "dist/main.js"]
CMD ["run"]
