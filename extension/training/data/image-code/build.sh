#!/bin/sh
# Makes media/images.wasm: libjpeg-turbo's decoder, PIL's resizing, and what calls them.
#
# Not part of `npm run build`: what it makes is committed, so that nobody needs a compiler. Made by Debian 12's compiler it is
# the same to the byte:
#   apt-get install clang lld wasi-libc libclang-rt-dev-wasm32 curl
#   extension/training/data/image-code/build.sh [output]
set -eu

archive=http://deb.debian.org/debian/pool/main/libj/libjpeg-turbo/libjpeg-turbo_2.1.5.orig.tar.gz
here=$(cd "$(dirname "$0")" && pwd)
output=$(realpath "${1:-$here/../../../../media/images.wasm}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

curl --fail --silent --show-error --location --output "$work/archive" "$archive"
echo "254f3642b04e309fee775123133c6464181addc150499561020312ec61c1bf7c  $work/archive" | sha256sum --check --quiet
tar -xzf "$work/archive" -C "$work" --strip-components=1
cd "$work"

cat > jconfig.h <<'END'
#define JPEG_LIB_VERSION 62
#define LIBJPEG_TURBO_VERSION 2.1.5
#define LIBJPEG_TURBO_VERSION_NUMBER 2001005
#define WITH_SIMD 1
#define BITS_IN_JSAMPLE 8
END
cat > jconfigint.h <<'END'
#include <errno.h>
#define BUILD ""
#define INLINE inline __attribute__((always_inline))
#define THREAD_LOCAL
#define PACKAGE_NAME "libjpeg-turbo"
#define VERSION "2.1.5"
#define SIZEOF_SIZE_T 4
#define FALLTHROUGH __attribute__((fallthrough));
END

library="jcomapi jdapimin jdapistd jdcoefct jdcolor jddctmgr jdhuff jdinput jdmainct jdmarker jdmaster jdmerge
  jdphuff jdpostct jdsample jidctflt jidctfst jidctint jidctred jmemmgr jmemnobs jquant1 jquant2 jutils"
target="--target=wasm32-wasi --sysroot=/usr"
# Bits are read 64 at a time, which WebAssembly can though its addresses have 32; the library has that for x32 alone.
wide="-D__x86_64__ -D__ILP32__"
for file in $library; do
  case $file in jdhuff | jdphuff) more=$wide ;; *) more= ;; esac
  clang $target -O3 -msimd128 -w -DNO_GETENV -DNO_PUTENV $more -I. -c "$file.c" -o "$file.o"
done
for file in decode normalise reserve resample simd; do
  clang $target -O3 -msimd128 -Wall -Werror -I. -c "$here/$file.c" -o "own-$file.o"
done
# Vector code that simd.c says it has not is never called, and need not be there.
wasm-ld --no-entry --strip-all --gc-sections --unresolved-symbols=ignore-all --export=reserve --export=decode --export=decoded_row_bytes --export=resample \
  --export=without_fourth --export=normalise -L/usr/lib/wasm32-wasi ./*.o -lc -o "$output"
# A section that says what it was made of, for the test that it was made anew since that changed.
sources=$(cd "$here" && LC_ALL=C && cat build.sh ./*.c ./*.h | sha256sum | cut -c 1-64)
printf '\000\110\007sources%s' "$sources" >> "$output"
chmod 644 "$output"
