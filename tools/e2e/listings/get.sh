#!/bin/bash
# get.sh FOLDER: put the listings and examples of Twisted's howto (Debian's package twisted-doc) into FOLDER. Idempotent.
set -eu
D=$1
[ -f "$D/howto/pb/pb1server.py" ] && exit 0
T=$(mktemp -d); trap 'rm -rf "$T"' EXIT
chmod 755 "$T"
(cd "$T" && apt-get download twisted-doc >&2)
dpkg-deb -x "$T"/twisted-doc_*.deb "$T/x"
S=$T/x/usr/share/doc/twisted-doc
mkdir -p "$D"
cp -r "$S/howto/listings" "$D/howto.new"
mkdir -p "$D/examples"; cp "$S"/examples/*.py "$D/examples/"
cp -r "$(find "$T/x" -type d -path '*tutorial/listings/finger' | head -n 1)" "$D/finger"
find "$D" -name '*.gz' -exec gunzip -f {} +
mv "$D/howto.new" "$D/howto"
