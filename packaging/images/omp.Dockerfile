# oh-my-pi, from npm; it runs on Bun.
ARG BASE=localhost/workmux-sandbox-base
FROM ${BASE}
ARG VERSION=18.3.4
ARG BUN_VERSION=1.4.5

RUN npm install --global --no-audit --no-fund --no-update-notifier "bun@${BUN_VERSION}" \
      "@oh-my-pi/pi-coding-agent@${VERSION}" \
 && npm cache clean --force \
 && omp --version
