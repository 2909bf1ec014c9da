# pi, from npm.
ARG BASE=localhost/workmux-sandbox-base
FROM ${BASE}
ARG VERSION=1.5.2

RUN npm install --global --no-audit --no-fund --no-update-notifier "@earendil-works/pi-coding-agent@${VERSION}" \
 && npm cache clean --force \
 && pi --version
