#!/usr/bin/env bash
# Signs copies of two drivers for the tests: sign-drivers.sh OUTDIR. Needs openssl and osslsigncode (made with 3.0 and 2.9).
# Keys and certificates are made for this one run in a folder that is removed: nobody can sign with them again, and no
# two runs give the same bytes. Nothing is asked of the network: the time stamps come from an authority made here.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
[ $# = 1 ] || { echo "usage: sign-drivers.sh OUTDIR" >&2; exit 2; }
out=$(mkdir -p "$1" && cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# certificate NAME SUBJECT EXTENSIONS: NAME.key, and NAME.pem signed by the test authority.
certificate() {
  openssl req -new -newkey rsa:2048 -nodes -utf8 -keyout "$1.key" -subj "$2" -out "$1.csr" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA root.pem -CAkey root.key -CAcreateserial -days 3650 -sha256 \
    -extfile <(printf '%b' "$3") -out "$1.pem" 2>/dev/null
}
openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -subj '/O=Pooltag tests/CN=Pooltag test authority' \
  -days 3650 -out root.pem 2>/dev/null
certificate maker '/O=Contoso Ltd/CN=Contoso Ltd' 'extendedKeyUsage=codeSigning'
certificate lab '/O=Fabrikam Größe/CN=Fabrikam Hardware Lab' 'extendedKeyUsage=codeSigning'
certificate clock '/O=Pooltag tests/CN=Pooltag test clock' 'extendedKeyUsage=critical,timeStamping'

# sign FILE OUT SECONDS OPTION...: with the chain, and a time stamp of that time.
sign() {
  local in=$1 to=$2 time=$3
  shift 3
  osslsigncode sign -ac root.pem -TSA-certs clock.pem -TSA-key clock.key -TSA-time "$time" -in "$in" -out "$to" "$@" >/dev/null
}
samples=$here/../../data/samples
# 2024-05-01 09:00:00 UTC, and a day later. Certificates are of today: the time stamps are not true, and nobody asks.
sign "$samples/sample-disk.sys" single.sys 1714554000 -certs maker.pem -key maker.key -h sha256 -ph -n 'Contoso disk filter'
sign "$samples/sample-files.sys" first.sys 1714554000 -certs maker.pem -key maker.key -h sha1
sign first.sys dual.sys 1714640400 -certs lab.pem -key lab.key -h sha256 -nest -n 'Contoso Ltd' -i 'https://example.com/'
mv single.sys "$out/sample-disk.signed.sys"
mv dual.sys "$out/sample-files.dual-signed.sys"
