#!/bin/bash
# engine_stage.sh DIR ENGINE IMAGE: the internet of internet.sh with a container engine in
# it, whose bridge therefore is where workmuxd is. Docker's daemon is one of its own
# (DIR/docker.sock), with the image of the host's; Podman has none. For root: an engine's
# bridge and its rules take more than a user has. Prints "ready", as internet.sh does.
set -euo pipefail
dir=$1 engine=$2 image=$3

if [ -z "${STAGE_INSIDE:-}" ]; then
  STAGE_INSIDE=1 exec unshare --net --mount -- "$0" "$@"
fi

started=()
end_engine() {
  kill "${started[@]}" 2>/dev/null || true
  wait "${started[@]}" 2>/dev/null || true
}
trap end_engine EXIT

wait_for() { # seconds, command...
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || { echo "engine_stage.sh: $* does not answer" >&2; exit 1; }
    sleep 0.1
  done
}

start_docker() {
  # An engine of its own altogether: two on one containerd would tidy each other away.
  containerd --root "$dir/engine/containerd" --state "$dir/engine/run" \
    --address "$dir/containerd.sock" >"$dir/containerd.log" 2>&1 &
  started=("$!")
  wait_for 30 test -S "$dir/containerd.sock"
  # Its containers have IPv6 as well, to this host.
  dockerd --ipv6 --fixed-cidr-v6 fd77:77::/64 --containerd "$dir/containerd.sock" --data-root "$dir/engine/docker" \
    --exec-root "$dir/engine/exec" --pidfile "$dir/docker.pid" -H "unix://$dir/docker.sock" \
    >"$dir/docker.log" 2>&1 &
  started=("$!" "${started[@]}")
  wait_for 60 docker -H "unix://$dir/docker.sock" version
  python3 -m http.server --bind :: --directory "$dir/www" 8000 >/dev/null 2>&1 &
  started+=("$!")
  docker save "$image" | docker -H "unix://$dir/docker.sock" load >/dev/null
}

mkdir -p "$dir/engine"
ip link set lo up
case "$engine" in
docker) start_docker ;;
# Its bridge comes with the first container.
podman) podman run --rm "$image" true ;;
esac
INTERNET_INSIDE=1 "$(dirname "$0")/internet.sh" "$dir"
