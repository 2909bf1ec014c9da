# shellcheck shell=bash
# Sourced by tests/run: the Docker engine.

ENGINE_PID=
DOCKER_AS_ROOT=no

# Runs its arguments with access to the engine.
with_docker() {
  if [ "$DOCKER_AS_ROOT" = yes ]; then as_root "$@"; else "$@"; fi
}

engine_answers() {
  if docker info >/dev/null 2>&1; then
    DOCKER_AS_ROOT=no
  elif [ "$(id -u)" -ne 0 ] && as_root docker info >/dev/null 2>&1; then
    DOCKER_AS_ROOT=yes
  else
    return 1
  fi
}

# Starts an engine when none answers; stop_engine ends only that one.
ensure_engine() { # cache-folder
  engine_answers && return
  say "docker: no engine answers, starting one"
  if [ -d /run/systemd/system ] && as_root systemctl start docker; then
    engine_answers && return
  fi
  local log="$1/dockerd.log" pid_file="$1/dockerd.pid" tries
  # setsid: an interrupt typed at the terminal must not end the engine before the
  # tests that clean up with it.
  as_root setsid dockerd --pidfile "$pid_file" >"$log" 2>&1 </dev/null &
  for ((tries = 0; tries < 120; tries++)); do
    if engine_answers; then
      ENGINE_PID="$(as_root cat "$pid_file")"
      return
    fi
    sleep 0.5
  done
  tail -n 20 "$log" >&2
  die "the Docker engine did not start within 60 s" "read $log"
}

stop_engine() {
  [ -n "$ENGINE_PID" ] || return 0
  as_root kill -TERM "$ENGINE_PID" 2>/dev/null || return 0
  local tries
  for ((tries = 0; tries < 40; tries++)); do
    [ -d "/proc/$ENGINE_PID" ] || return 0
    sleep 0.5
  done
}
