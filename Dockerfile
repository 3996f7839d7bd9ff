# Compiles on the builder's own architecture. What comes out is JavaScript and WebAssembly only, so the
# same files serve every architecture and nothing is emulated.
FROM --platform=$BUILDPLATFORM node:26-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build
# A dependency with a native binary would break the rule above: it stops the build here.
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
 && test -z "$(find node_modules -name '*.node' -print -quit)" \
 && mkdir /data

FROM node:26-slim
LABEL org.opencontainers.image.title="mcp-oauth-proxy" \
      org.opencontainers.image.description="The OAuth 2.1 front door for any MCP server" \
      org.opencontainers.image.licenses="MIT"
# HOST: inside a container, localhost would be out of reach from outside it.
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    METRICS_HOST=0.0.0.0 \
    DATA_DIR=/data
WORKDIR /app
COPY package.json LICENSE ./
COPY migrations migrations
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY --from=build --chown=node:node /data /data
# The program can write to /data only: everything else belongs to root.
USER node
VOLUME /data
# METRICS_PORT, where it is set, is not for publishing.
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8080}/health`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Process 1 is the program itself: it answers SIGTERM by finishing open requests.
CMD ["node", "dist/server.js"]
