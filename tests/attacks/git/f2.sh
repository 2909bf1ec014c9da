# Configuration keys that name a program, git-config(1).
run() { echo ": > $WM_MARKER.$1 #"; }
for key in core.fsmonitor core.sshCommand core.pager core.editor core.askPass core.gitProxy \
  core.alternateRefsCommand sequence.editor gpg.program diff.external interactive.diffFilter \
  uploadpack.packObjectsHook browser.x.cmd man.x.cmd pager.log pager.status; do
  git config "$key" "$(run "$key")"
done
git config credential.helper "!$(run helper)"
git config alias.st "!$(run alias)"
git config commit.gpgSign true
git config protocol.ext.allow always
git config remote.origin.url "ext::sh -c $(run ext)"
mkdir -p planted
printf '#!/bin/sh\n: > "%s.hookspath"\n' "$WM_MARKER" > planted/post-checkout
cp planted/post-checkout planted/pre-commit
cp planted/post-checkout planted/post-index-change
chmod +x planted/*
git config core.hooksPath "$PWD/planted"
exit 0
