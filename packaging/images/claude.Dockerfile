# Claude Code, from npm.
ARG BASE=localhost/workmux-sandbox-base
FROM ${BASE}
ARG VERSION=2.1.330

RUN npm install --global --no-audit --no-fund --no-update-notifier "@anthropic-ai/claude-code@${VERSION}" \
 && npm cache clean --force \
 && claude --version

# The installation is not the agent's to change.
ENV DISABLE_AUTOUPDATER=1
