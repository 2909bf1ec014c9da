# opencode, from npm.
ARG BASE=localhost/workmux-sandbox-base
FROM ${BASE}
ARG VERSION=1.18.33

RUN npm install --global --no-audit --no-fund --no-update-notifier "opencode-ai@${VERSION}" \
 && npm cache clean --force \
 && opencode --version
