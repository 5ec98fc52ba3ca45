FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /opt/posthorn
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund
COPY . .
RUN mkdir -p /var/lib/posthorn && chown node:node /var/lib/posthorn
USER node
VOLUME /var/lib/posthorn
EXPOSE 8082
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["node", "-e", "fetch('http://127.0.0.1:8082/health/live').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=8", "--heap-growing-percent=60", "--import", "./src/compile-cache.js", "src/main.ts", "--set", "log.dirs=/var/lib/posthorn", "--set", "listeners=http://0.0.0.0:8082"]
