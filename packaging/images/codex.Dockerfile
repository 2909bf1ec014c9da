# Codex, from npm.
ARG BASE=localhost/workmux-sandbox-base
FROM ${BASE}
ARG VERSION=0.169.0

RUN npm install --global --no-audit --no-fund --no-update-notifier "@openai/codex@${VERSION}" \
 && npm cache clean --force \
 && codex --version
