# shellcheck shell=bash
# Sourced by tests/run: the container image of the tests. No registry is needed:
# the image is made from the distribution's packages and kept as a tarball.

TEST_IMAGE=workmux-test:base

# The mirror that this machine's apt uses for its own release.
apt_mirror() {
  local codename
  codename="$(. /etc/os-release && echo "$VERSION_CODENAME")"
  # shellcheck disable=SC2016  # apt expands these names
  apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    awk -v release="$codename" '$1 == release { print $2 }' |
    { grep -m1 -E '/debian/?$' || true; }
}

# Changes when the content of the image would: its packages and how it is made.
image_key() {
  { cat "${BASH_SOURCE[0]}" && package_names image && . /etc/os-release && echo "$VERSION_CODENAME"; } |
    sha256sum | cut -c1-16
}

make_image_tarball() { # tarball
  local tarball="$1" mirror codename root
  mirror="$(apt_mirror)"
  [ -n "$mirror" ] || die "apt names no mirror for this release" "run apt-get update"
  codename="$(. /etc/os-release && echo "$VERSION_CODENAME")"
  root="$(as_root mktemp -d /var/tmp/workmux-image.XXXXXX)"
  as_root debootstrap --variant=minbase --include="$(package_names image | paste -sd,)" \
    "$codename" "$root" "$mirror" >"$tarball.log" 2>&1 || {
    tail -n 20 "$tarball.log" >&2
    as_root rm -rf "$root"
    die "debootstrap failed" "see $tarball.log"
  }
  # Without what only an apt run or a reader needs, and without device nodes:
  # the engine makes its own, and rootless Podman cannot unpack them.
  as_root tar -C "$root" --numeric-owner --one-file-system -cf - \
    --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' --exclude='./var/log/*' \
    --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' \
    --exclude='./dev/*' . >"$tarball.part"
  as_root rm -rf "$root"
  mv "$tarball.part" "$tarball"
}

import_args=(--change "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  --change "CMD [\"/bin/sh\"]")

# Leaves the image in the Docker engine; sets IMAGE_TARBALL.
ensure_image() { # cache-folder
  local key
  key="$(image_key)"
  IMAGE_TARBALL="$1/image-$key.tar"
  if [ ! -s "$IMAGE_TARBALL" ]; then
    say "image: making $TEST_IMAGE from the distribution's packages"
    make_image_tarball "$IMAGE_TARBALL"
    find "$1" -maxdepth 1 -name 'image-*.tar*' ! -name "image-$key.tar*" -delete
  fi
  if [ "$(with_docker docker image inspect -f '{{index .Config.Labels "workmux.test.key"}}' \
    "$TEST_IMAGE" 2>/dev/null)" != "$key" ]; then
    with_docker docker import "${import_args[@]}" --change "LABEL workmux.test.key=$key" \
      - "$TEST_IMAGE" <"$IMAGE_TARBALL" >/dev/null || die "docker import failed"
  fi
}
