#!/usr/bin/env bash
# Builds the test drivers: build-drivers.sh OUTDIR [--committed | --samples | --seventh] [NAME...]
# Needs clang, lld, llvm and gcc-mingw-w64-{i686,x86-64} (made with Debian 12). The whole matrix by default; --committed
# is the small part kept in test/drivers/built, --samples the drivers of data/samples, --seventh every seventh
# of the whole matrix, which has each source and 62 of 63 ways to build it. NAMEs restrict the sources.
# A file is named SOURCE.ARCH.COMPILER.LEVEL[.VARIANT].sys. Same tools give the same bytes: no times, no paths.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
src=$here/src
[ $# -ge 1 ] || { echo "usage: build-drivers.sh OUTDIR [--committed | --samples | --seventh] [NAME...]" >&2; exit 2; }
out=$(mkdir -p "$1" && cd "$1" && pwd); shift
part=all
case ${1:-} in --committed | --samples | --seventh) part=${1#--}; shift ;; esac
only=" $* "
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
export src out work part

lld=$(command -v lld-link || ls /usr/bin/lld-link-* | tail -1)
llvm_dlltool=$(command -v llvm-dlltool || ls /usr/bin/llvm-dlltool-* | tail -1)
llvm_nm=$(command -v llvm-nm || ls /usr/bin/llvm-nm-* | tail -1)
export lld

target_of() { case $1 in x86) echo i686-pc-windows-msvc ;; x64) echo x86_64-pc-windows-msvc ;; arm64) echo aarch64-pc-windows-msvc ;; esac; }
gcc_of() { case $1 in x86) echo i686-w64-mingw32 ;; x64) echo x86_64-w64-mingw32 ;; esac; }
export -f target_of gcc_of

# Import libraries: the compiler itself says how each declaration of kernel.h is decorated on x86.
make_import_libraries() {
  sed -nE 's/^\/\* DLL ([^ ]+) \*\/$/dll \1/p; s/^C?API\([^,]+(\*)?, ([A-Za-z0-9_]+), .*$/function \2/p; s/^\/\* END \*\/$/end/p' "$src/include/kernel.h" |
    awk '$1 == "dll" { dll = $2 } $1 == "function" { print dll, $2 }' > "$work/functions.txt"
  { echo '#include "kernel.h"'; echo 'const void *const functions[] = {'
    awk '{ print "(const void *)" $2 "," }' "$work/functions.txt"; echo '};'; } > "$work/functions.c"
  local arch machine dll
  for arch in x86 x64 arm64; do
    clang --target="$(target_of $arch)" -ffreestanding -fno-builtin -fms-extensions -DPOOL_THUNKS -I"$src/include" \
      -c "$work/functions.c" -o "$work/functions.$arch.obj"
    "$llvm_nm" -u "$work/functions.$arch.obj" | awk '{ print $2 }' > "$work/symbols.$arch.txt"
    mkdir -p "$work/lib/$arch.clang" "$work/lib/$arch.gcc"
    for dll in $(awk '{ print $1 }' "$work/functions.txt" | sort -u); do
      # On x86 a symbol is _name or _name@bytes; the definition file wants it without the first underscore.
      awk -v dll="$dll" -v arch=$arch '
        FNR == NR { symbol = $1; plain = symbol; if (arch == "x86") { sub(/^_/, "", symbol); plain = symbol; sub(/@[0-9]+$/, "", plain) } name[plain] = symbol; next }
        $1 == dll { if (!began) { print "LIBRARY " dll; print "EXPORTS"; began = 1 } print "  " name[$2] }
      ' "$work/symbols.$arch.txt" "$work/functions.txt" > "$work/$dll.$arch.def"
      case $arch in x86) machine=i386 ;; x64) machine=i386:x86-64 ;; arm64) machine=arm64 ;; esac
      "$llvm_dlltool" -k -m "$machine" -d "$work/$dll.$arch.def" -l "$work/lib/$arch.clang/$dll.lib"
      if [ $arch != arm64 ]; then
        # A relative prefix: its names end up among the symbols of unstripped drivers.
        (cd "$work" && "$(gcc_of $arch)-dlltool" -k --temp-prefix "${dll//[^a-z0-9]/_}" -d "$dll.$arch.def" -l "lib/$arch.gcc/lib$dll.a")
      fi
    done
  done
}

# source arch compiler level [variant]: one driver. Variants: direct (through the import table), thunk (jump thunks),
# lto, cfg (Control Flow Guard), delay (delay-loaded libraries), bare (x64 without .pdata), strip / symbols (gcc),
# gs (stack cookies), frame (frame pointers, identical functions folded); through the assembler's text: ilt (incremental linking:
# every function behind a jump), inbox (x64: import calls padded for patching, and Control Flow Guard), hotpatch (a two-byte first
# instruction after padding).
build_one() {
  local file=$1 arch=$2 compiler=$3 level=$4 variant=${5:-direct}
  local name; name=$(basename "$file"); name=${name%.*}
  local product=$name.$arch.$compiler.$level; [ "$variant" = direct ] || product=$product.$variant
  [ "$part" = samples ] && product=$name
  local dir=$work/build/$product; mkdir -p "$dir"
  local image; image=$(sed -nE 's/^\/\/ image: //p' "$file" | head -1); image=${image:-$name.sys}
  local resource; resource=${file%.*}.rc
  local -a compile=(-"$level" -ffreestanding -fno-builtin -fms-extensions -fno-strict-aliasing -fno-stack-protector -fno-ident
    -Wall -Wno-multichar -Wno-unused-value -Wno-unused-function -Wno-unused-variable -Wno-unknown-pragmas -I"$src/include")
  [ "$variant" = thunk ] && compile+=(-DPOOL_THUNKS)
  [ "$variant" = lto ] && compile+=(-flto)
  [ "$variant" = gs ] && compile+=(-fstack-protector-strong -DPOOL_GS)
  [ "$variant" = frame ] && compile+=(-fno-omit-frame-pointer)
  [ "$arch" = x86 ] && compile+=(-mno-sse -mno-mmx)
  case $file in *.cpp) compile+=(-fno-exceptions -fno-rtti -std=c++17) ;; esac
  if [ "$compiler" = gcc ]; then
    local prefix; prefix=$(gcc_of "$arch")
    local entry=DriverEntry; [ "$arch" = x86 ] && entry=_DriverEntry@8
    local -a link=(-nostdlib -Wl,--subsystem,native -Wl,--entry,$entry -Wl,--no-insert-timestamp -Wl,--dynamicbase -Wl,--exclude-all-symbols -Wl,--kill-at)
    [ "$variant" = symbols ] || { [ "$level" = O0 ] && [ "$variant" != strip ]; } || link+=(-s)
    [ -f "$resource" ] && { "$prefix-windres" "$resource" -O coff -o "$dir/version.o"; link+=("$dir/version.o"); }
    (cd "$dir" && "$prefix-gcc" "${compile[@]}" -mno-stack-arg-probe -c "$file" -o "$name.o" &&
      "$prefix-gcc" -"$level" "${link[@]}" "$name.o" -L"$work/lib/$arch.gcc" $(awk '{ print "-l:lib" $1 ".a" }' "$work/functions.txt" | sort -u) -o "$image")
  else
    compile+=(--target="$(target_of "$arch")" -mno-stack-arg-probe)
    [ "$variant" = ilt ] || compile+=(-ffunction-sections)
    # .pdata, as every driver for x64 and ARM64 has; the variant "bare" goes without.
    [ "$arch" = x86 ] || [ "$variant" = bare ] || compile+=(-funwind-tables)
    local -a link=(/nologo /driver /subsystem:native /nodefaultlib /dynamicbase /opt:ref)
    if [ "$variant" = frame ]; then link+=(/opt:icf); else link+=(/opt:noicf); fi
    # O0 and Os carry a hash for a time and no PDB name; the others a fixed time and a PDB name.
    case $level in O0 | Os) link+=(/Brepro) ;; *) link+=(/timestamp:1717200000 /debug "/pdb:$dir/$name.pdb" "/pdbaltpath:${image%.*}.pdb") ;; esac
    if [ "$arch" = x86 ]; then link+=(/safeseh:no /entry:DriverEntry@8); else link+=(/entry:DriverEntry); fi
    local exported; for exported in $(sed -nE 's/^\/\/ exports: //p' "$file"); do link+=("/export:$exported"); done
    case $variant in cfg | inbox) compile+=(-DPOOL_CFG -Xclang -cfguard); link+=(/guard:cf) ;; esac
    [ "$variant" = delay ] && compile+=(-DPOOL_DELAY) && link+=(/delayload:fltmgr.sys /delayload:ndis.sys)
    [ -f "$resource" ] && { x86_64-w64-mingw32-windres "$resource" -O res -o "$dir/version.res"; link+=("$dir/version.res"); }
    local driver=clang; case $file in *.cpp) driver=clang++ ;; esac
    (cd "$dir" &&
      case $variant in
        ilt | inbox | hotpatch)
          $driver "${compile[@]}" -S "$file" -o "$name.s" && sed -E 's/__(real|xmm)@/__\1_/g' "$name.s" | rewrite_assembly "$variant" "$arch" > "$name.asm.s" &&
            clang --target="$(target_of "$arch")" -c "$name.asm.s" -o "$name.obj" ;;
        *) $driver "${compile[@]}" -c "$file" -o "$name.obj" ;;
      esac &&
      "$lld" "${link[@]}" "$name.obj" "$work/lib/$arch.clang/"*.lib "/out:$image" && fix_pdb_id "$image")
  fi
  install -m 644 "$dir/$image" "$out/$product.sys" || return 1
  rm -rf "$dir"
}

# What no compiler here does and Microsoft's does, done to the text of the assembler.
rewrite_assembly() {
  case $1 in
    inbox) # call [import] with a five-byte nop behind it, so that the loader may patch in a direct call
      sed -E -e '/^\trex64$/{n;b}' -e 's/^\tcallq\t\*(__imp_[^ ]+)\(%rip\)$/\trex64\n\tcallq\t*\1(%rip)\n\tnopl\t0(%rax,%rax)/' ;;
    hotpatch) # room for a jump before each function, and a first instruction of two bytes
      awk -v arch="$2" '
        /^\t\.def\t/ { name = $2; sub(/;$/, "", name); quoted = name }
        /\.type\t32;/ { functions[quoted] = 1 }
        { label = $0; sub(/:.*$/, "", label) }
        /^[^ \t.#].*:/ && (label in functions) {
          if (arch == "arm64") { print "\tnop"; print; next }
          print "\t.byte 0xcc,0xcc,0xcc,0xcc,0xcc"; print; hot = 1
          if (arch == "x86") { print "\t.byte 0x8b,0xff"; hot = 0 }
          next
        }
        /^\t\.seh_proc/ && hot { print; print "\t.byte 0x66,0x90"; hot = 0; next }
        { print }' ;;
    ilt) # each function is reached by a jump in a table at the front
      awk -v arch="$2" '
        /^\t\.def\t/ { name = $2; sub(/;$/, "", name) }
        /^\t\.section\t.*(discard|one_only),/ { comdat = 1 }
        /^\t\.(text|data|bss|rdata)/ || /^\t\.section\t[^,]*,"[a-z]*"$/ { comdat = 0 }
        /\.type\t32;/ { functions[name] = 1 }
        { label = $0; sub(/:.*$/, "", label) }
        /^[^ \t.#].*:/ && (label in functions) && !comdat {
          body = label; if (body ~ /^"/) { sub(/"$/, "$body\"", body) } else { body = body "$body" }
          table[++count] = label; bodies[count] = body
          $0 = body ":"
        }
        { print }
        END {
          print "\t.section\t.text$aaa,\"xr\""
          for (i = 1; i <= count; i++) {
            print table[i] ":"
            if (arch == "arm64") print "\tb\t" bodies[i]
            else print "\t.byte\t0xe9\n\t.long\t" bodies[i] "-.-4"
          }
        }' ;;
  esac
}

# The PDB's id is a hash over the path of the build folder too: put 16 bytes of our own in its place.
fix_pdb_id() {
  local at; at=$(LC_ALL=C grep -obUa RSDS "$1" | head -1 | cut -d: -f1)
  [ -z "$at" ] || printf 'pooltag-test-pdb' | dd of="$1" bs=1 seek=$((at + 4)) conv=notrunc status=none
}
export -f build_one fix_pdb_id rewrite_assembly

# One line per driver: source arch compiler level variant.
whole_matrix() {
  local file arch level
  for file in "$src"/*.c "$src"/*.cpp "$src"/held-out/*.c "$src"/held-out/*.cpp; do
    [ -f "$file" ] || continue
    for level in O0 O1 O2 Os Oz; do
      for arch in x86 x64 arm64; do echo "$file $arch clang $level direct"; done
      case $file in *.cpp) ;; *) [ $level = Oz ] || for arch in x86 x64; do echo "$file $arch gcc $level direct"; done ;; esac
    done
    for level in O0 O2; do
      for arch in x86 x64 arm64; do echo "$file $arch clang $level thunk"; done
      case $file in *.cpp) ;; *) for arch in x86 x64; do echo "$file $arch gcc $level thunk"; done ;; esac
    done
    echo "$file x64 clang Os bare"
    echo "$file x64 clang O1 inbox"; echo "$file x64 clang O2 inbox"
    for arch in x86 x64 arm64; do
      echo "$file $arch clang O2 lto"; echo "$file $arch clang O2 cfg"; echo "$file $arch clang O2 gs"; echo "$file $arch clang O1 frame"
      echo "$file $arch clang O2 hotpatch"
      for level in O0 Os; do echo "$file $arch clang $level ilt"; done
    done
    case $file in *.cpp) ;; *) for arch in x86 x64; do echo "$file $arch gcc O2 lto"; echo "$file $arch gcc O2 symbols"; done ;; esac
    grep -q 'POOL_DELAY' "$file" && for arch in x86 x64; do echo "$file $arch clang O2 delay"; done
  done
  true
}

# The larger sources, as products are built: optimised, stack cookies, Control Flow Guard, incremental links, size first.
product_like_matrix() {
  local arch
  for arch in x86 x64 arm64; do echo "$1 $arch clang O2 direct"; done
  echo "$1 x64 clang O1 inbox"; echo "$1 x64 clang O0 ilt"; echo "$1 x86 clang Os direct"
  case $1 in *.cpp) echo "$1 x64 clang O2 gs" ;; *) echo "$1 x64 gcc O2 direct"; echo "$1 x86 gcc O1 direct" ;; esac
}

# What the tests use without a compiler: both compilers, O0 and O2 on x86 and x64, and some of the variants.
committed_matrix() {
  local file name arch level
  for file in "$src"/*.c "$src"/*.cpp; do
    name=$(basename "$file"); name=${name%.*}
    case $name in
      object-store | window-objects | archive-volume | buffer-pools | scan-engine | vendor-runtime | modern-storage | net-callout | filter-guard | compiler-shapes)
        product_like_matrix "$file"; continue ;;
      open-family | signed-objects) # all that the tests need of them
        echo "$file arm64 clang O0 direct"; echo "$file x64 clang O2 direct"; echo "$file x86 clang O2 direct"; continue ;;
    esac
    for arch in x86 x64; do
      for level in O0 O2; do
        echo "$file $arch clang $level direct"
        # One unstripped gcc driver of each kind is enough: symbols make it three times as large.
        if [ $level = O0 ]; then echo "$file $arch gcc O0 strip"; else echo "$file $arch gcc O2 direct"; fi
      done
    done
    echo "$file arm64 clang O2 direct"
    case $name in
      wrappers | value-flow | bait)
        for arch in x86 x64; do
          echo "$file $arch clang O2 thunk"; echo "$file $arch gcc O2 thunk"; echo "$file $arch clang O2 cfg"
          echo "$file $arch clang Os direct"; echo "$file $arch clang O2 lto"; echo "$file $arch gcc O2 symbols"
        done
        echo "$file x64 clang Os bare"; echo "$file arm64 clang O0 direct"; echo "$file arm64 clang O2 thunk" ;;
      delay-loaded) for arch in x86 x64; do echo "$file $arch clang O2 delay"; done ;;
      disk-filter) echo "$file x86 gcc O0 direct"; echo "$file x64 gcc O0 direct" ;;
      kmdf-plain) echo "$file x86 gcc Os direct" ;; # its WDF_DRIVER_CONFIG is copied from a template
    esac
  done
  for file in "$src"/held-out/*.c "$src"/held-out/*.cpp; do
    [ -f "$file" ] || continue
    name=$(basename "$file"); name=${name%.*}
    case $name in
      shadow-filter | flow-shaper | flash-port | card-reader | port-recorder | media-graph | guest-monitor | content-broker | \
      network-core | desktop-kernel | share-server | virtual-storage | power-bus | object-manager | \
      user-volume | virtual-adapter | gamepad-bus | system-watch | \
      packet-core | window-session | redirector | class-port | volume-filter | audio-graph | bus-manager | endpoint-core | \
      adapter-kernel | method-interpreter | request-engine | storage-stack | \
      hypervisor-bus | file-server-core | media-kernel | counted-classes | \
      driver-verifier | stream-codec | wifi-adapter | cow-filesystem | fabric-library | usb-host | snapshot-volume | net-library | \
      virtual-switch | radio-profile | packet-tap | block-replica | rpc-redirector | caching-disk | \
      pipe-filesystem | scsi-target | kernel-runtime | registry-sandbox | hypervisor-core | serial-mux | \
      pv-bus | object-pool-zfs | process-sensor | \
      http-service | log-volume | crypto-core | archive-inspector | session-compositor | storage-hba | \
      nvme-fabric | usb-redirector | perf-profiler | ext-filesystem | filter-antiransom | display-miniport | \
      bluetooth-port | pci-enumerator | spaces-pool)
        echo "$file x64 clang Os direct"; echo "$file x86 clang O1 frame"; continue ;;
      pool-volume | transport-stack | index-store | render-kernel | endpoint-monitor | raid-port | tunnel-filter | camera-class | linker-shapes)
        echo "$file x64 clang Os direct"; echo "$file x64 clang O1 cfg"; echo "$file x86 clang O1 frame"; echo "$file arm64 clang O1 direct"
        case $file in *.cpp) ;; *) echo "$file x64 gcc O3 direct"; echo "$file x86 gcc Os direct" ;; esac
        continue ;;
    esac
    for arch in x86 x64; do
      echo "$file $arch clang Os direct"; echo "$file $arch clang O1 thunk"
      case $file in *.cpp) ;; *) echo "$file $arch gcc Os direct"; echo "$file $arch gcc O3 direct" ;; esac
    done
    echo "$file arm64 clang O1 direct"
  done
}

make_import_libraries
samples_matrix() {
  echo "$src/samples/sample-disk.c x64 clang O2 direct"
  echo "$src/samples/sample-net.c x86 gcc O2 direct"
  echo "$src/samples/sample-files.c x64 gcc O2 direct"
}
case $part in all) whole_matrix ;; seventh) whole_matrix | awk 'NR % 7 == 1' ;; committed) committed_matrix ;; samples) samples_matrix ;; esac |
  while read -r file rest; do
    name=$(basename "$file"); name=${name%.*}
    case $only in "  " | *" $name "*) echo "$file $rest" ;; esac
  done > "$work/matrix.txt"
if ! xargs -P "$(nproc)" -L 1 bash -euo pipefail -c 'build_one "$@" || { echo "failed: $*" >&2; exit 1; }' build_one < "$work/matrix.txt"; then
  echo "Some drivers did not build." >&2; exit 1
fi
echo "$(wc -l < "$work/matrix.txt") drivers in $out"
