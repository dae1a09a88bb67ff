#!/usr/bin/env bash
# Builds the driver with symbols: build-symbols.sh OUTDIR writes OUTDIR/{x64,x86,arm64}/named-sites.{sys,pdb}.
# Needs clang, lld and llvm (made with Debian 12). The PDB holds public symbols alone; its id is one of our own.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 1 ] || { echo "usage: build-symbols.sh OUTDIR" >&2; exit 2; }
out=$(mkdir -p "$1" && cd "$1" && pwd)
# A fixed place: its path stands in the PDB, and same tools shall give the same bytes.
work=/tmp/pooltag-symbols; mkdir "$work"; trap 'rm -rf "$work"' EXIT
name=named-sites

# The id is a hash over the path of the build folder too: put the 16 bytes of another in its place, in image and PDB.
fix_id() {
  local at id; at=$(LC_ALL=C grep -obUa RSDS "$1" | head -1 | cut -d: -f1)
  id=$(dd if="$1" bs=1 skip=$((at + 4)) count=16 status=none | od -An -v -tx1 | tr -d '\n' | sed 's/ /\\x/g')
  for file in "$@"; do LC_ALL=C sed -i "s/$id/pooltag-symbols!/g" "$file"; done
}

for arch in x64 x86 arm64; do
  case $arch in
    x64) target=x86_64 machine=i386:x86-64 entry=DriverEntry stdcall='' ;;
    x86) target=i686 machine=i386 entry=DriverEntry@8 stdcall=yes ;;
    arm64) target=aarch64 machine=arm64 entry=DriverEntry stdcall='' ;;
  esac
  dir=$work/$arch; mkdir -p "$dir" "$out/$arch"; cd "$dir"
  { echo 'LIBRARY ntoskrnl.exe'; echo EXPORTS; echo "ExAllocatePoolWithTag${stdcall:+@12}"; echo "ExFreePoolWithTag${stdcall:+@8}"; } > nt.def
  llvm-dlltool -k -m "$machine" -d nt.def -l nt.lib
  clang++ --target="$target-pc-windows-msvc" -O2 -ffreestanding -fno-builtin -fms-extensions -fno-exceptions -fno-rtti -std=c++17 \
    -funwind-tables -fno-ident -Wno-multichar -Wno-ignored-attributes -c "$here/symbols/$name.cpp" -o $name.obj
  lld-link /nologo /driver /subsystem:native /nodefaultlib /dynamicbase /opt:noicf /timestamp:1717200000 /safeseh:no \
    /debug /pdb:$name.pdb /pdbaltpath:$name.pdb "/entry:$entry" $name.obj nt.lib /out:$name.sys
  fix_id $name.sys $name.pdb
  install -m 644 $name.sys $name.pdb "$out/$arch"
done
