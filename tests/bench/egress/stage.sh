#!/bin/bash
# stage.sh UPSTREAM HOST: two network namespaces that end with this process, joined by a
# wire: in the far one UPSTREAM answers on port 443 of a public address; who measures or
# is measured enters this process's, where /etc/hosts names HOST. Prints "ready PID".
set -euo pipefail
upstream=$1 host=$2

if [ -z "${STAGE_INSIDE:-}" ]; then
  user=(--user --map-current-user --keep-caps)
  [ "$(id -u)" != 0 ] || user=()
  STAGE_INSIDE=1 exec unshare "${user[@]}" --net --mount -- "$0" "$upstream" "$host"
fi

unshare --net -- sleep infinity &
far=$!
server=
hosts=$(mktemp)
trap 'kill "$far" $server 2>/dev/null; rm -f "$hosts"' EXIT
in_far() { nsenter --net="/proc/$far/ns/net" -- "$@"; }
while [ "$(readlink "/proc/$far/ns/net")" = "$(readlink /proc/self/ns/net)" ]; do :; done

ip link set lo up
ip link add near type veth peer name far netns "$far"
ip address add 93.184.216.1/24 dev near
ip link set near up
in_far ip link set lo up
in_far ip address add 93.184.216.34/24 dev far
in_far ip link set far up
# Ports that wait for stray packets of closed connections would run out.
echo 1024 > /proc/sys/net/ipv4/tcp_max_tw_buckets
printf '127.0.0.1 localhost\n93.184.216.34 %s\n' "$host" > "$hosts"
chmod 644 "$hosts"
mount --bind "$hosts" /etc/hosts

exec 3< <(in_far "$upstream" 93.184.216.34:443)
server=$!
read -r -u 3 _
echo "ready $$"
read -r _ || true
