# shellcheck shell=bash
# Sourced by tests/run: real agents from npm's registry, in the versions that the
# images have, with npm and the Node.js that are there (the distribution's needs libraries that
# an image lacks) and a model for them to ask. Tests mount the directory into sandboxes.

agent_packages() {
  sed -n "s|.*\"\(@[^@]*@\)\${VERSION}\".*|\1$(sed -n 's/^ARG VERSION=//p' "$1")|p" "$1"
}

# Sets AGENTS_DIR, which the ordinary user of the tests can read; empty when the
# registry is out of reach, and then the tests say so.
ensure_agents() { # folder
  local images="$SOURCE/packaging/images" key
  local -a packages
  mapfile -t packages < <(agent_packages "$images/claude.Dockerfile" && agent_packages "$images/codex.Dockerfile")
  key="$(cat "$SOURCE"/tests/env/agents.sh "$SOURCE"/tests/env/agents/* "$images"/{claude,codex}.Dockerfile |
    sha256sum | cut -c1-16)"
  AGENTS_DIR="$1/agents-$key"
  [ ! -d "$AGENTS_DIR" ] || return 0
  if ! command -v npm >/dev/null; then
    # shellcheck disable=SC2154  # set by tests/run
    [ "$install" = yes ] || die "missing tools: npm" "run tests/run without --no-install"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
      nodejs npm </dev/null >/dev/null || die "apt-get could not install nodejs and npm"
  fi
  rm -rf "$1"/agents-*
  mkdir -p "$AGENTS_DIR.part"
  say "agents: installing ${packages[*]}"
  if ! npm install --prefix "$AGENTS_DIR.part" --no-audit --no-fund --loglevel=error \
    node@22 npm@10 "${packages[@]}" >"$CACHE/npm.log" 2>&1; then
    say "agents: npm's registry gives none (see $CACHE/npm.log); their tests will say so"
    rm -rf "$AGENTS_DIR.part"
    AGENTS_DIR=
    return 0
  fi
  ln -s node_modules/node/bin/node "$AGENTS_DIR.part/node"
  cp "$SOURCE"/tests/env/agents/* "$AGENTS_DIR.part/"
  chmod -R a+rX "$AGENTS_DIR.part"
  mv "$AGENTS_DIR.part" "$AGENTS_DIR"
}
