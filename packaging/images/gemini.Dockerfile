# Gemini CLI, from npm.
ARG BASE=localhost/workmux-sandbox-base
FROM ${BASE}
ARG VERSION=0.61.0

RUN npm install --global --no-audit --no-fund --no-update-notifier "@google/gemini-cli@${VERSION}" \
 && npm cache clean --force \
 && gemini --version
