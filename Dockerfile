# syntax=docker/dockerfile:1
# Two stages: what compiles stays behind. The result has no shell, no package manager and no root.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY scripts/build.mjs scripts/
COPY src src
# The image brings its own Node: the package `node`, which serves clones on older ones, stays out.
RUN node scripts/build.mjs && npm prune --omit=dev --ignore-scripts && rm -rf node_modules/node node_modules/.bin
RUN mkdir -p /data && chown 65532:65532 /data

FROM gcr.io/distroless/nodejs24-debian12:nonroot
WORKDIR /app
ENV NODE_ENV=production WATCHKEEPER_DATA_DIR=/data WATCHKEEPER_LOG_FORMAT=json
COPY --from=build --chown=65532:65532 /data /data
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY detectors detectors
COPY runbooks runbooks
COPY policies policies
VOLUME /data
# Probes ask /healthz and /readyz over HTTP; there is nothing in here that could run a HEALTHCHECK command.
HEALTHCHECK NONE
USER 65532:65532
# Mount /etc/watchkeeper with a watchkeeper.yaml. Listening beyond loopback needs a token there.
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=2", "dist/main.js"]
CMD ["run"]
