# The base of workmux's sandbox images: Debian with Node.js, git and what agents
# call. The guest program of workmux is not in it: a sandbox gets it mounted.
ARG FROM_IMAGE=docker.io/library/node:22-bookworm-slim
FROM ${FROM_IMAGE}
ARG DEBIAN_FRONTEND=noninteractive

RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      bash ca-certificates curl git iproute2 iptables jq less procps ripgrep unzip util-linux \
 && rm -rf /var/lib/apt/lists/*

# A sandbox runs as any user id, with HOME=/tmp; Codex keeps its files below
# /home/user. Nobody gains rights inside: no program is setuid or setgid.
RUN mkdir -p /home/user \
 && chmod 1777 /home/user \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} +

ENV LANG=C.UTF-8
CMD ["bash"]
