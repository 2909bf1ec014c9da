# A loose object of another branch with other content under the same name.
id=$(git rev-parse main:g)
head=$(echo "$id" | cut -c1-2)
tail=$(echo "$id" | cut -c3-)
objects=$(git rev-parse --git-path objects)
evil=$(echo evil | git hash-object -w --stdin)
from=$objects/$(echo "$evil" | cut -c1-2)/$(echo "$evil" | cut -c3-)
for store in "$objects" /run/workmux/host-objects $(cat "$objects/info/alternates" 2>/dev/null); do
  mkdir -p "$store/$head"
  chmod u+w "$store/$head" "$store/$head/$tail"
  rm -f "$store/$head/$tail"
  cp "$from" "$store/$head/$tail"
  rm -rf "$store/pack"
done
exit 0
