#!/bin/sh
#
# Made by Vivarium's lab, in the shape of the installers of 2017. A stand-in: not Anaconda's.
#
# NAME:  @NAME@
# VER:   @VER@
# PLAT:  @PLAT@
# BYTES: @BYTES@
# LINES: @LINES@
# MD5:   @MD5@

unset LD_LIBRARY_PATH
case "$0" in
    *.sh) ;;
    *)
        printf 'Please run this file as a file whose name ends in ".sh", by "bash" or "sh".\n' >&2
        return 1 2> /dev/null || exit 1
        ;;
esac

THIS_DIR=$(cd "$(dirname "$0")" && pwd)
THIS_FILE=$(basename "$0")
THIS_PATH="$THIS_DIR/$THIS_FILE"
PREFIX="$HOME/@DEFAULT_DIR@"
BATCH=0
FORCE=0
USAGE="
usage: $0 [options]

Installs @NAME@ @VER@ (a stand-in, made by Vivarium's lab)

-b           run in batch mode: no questions; the licence counts as accepted
-f           no error if the install prefix already exists
-h           print this help message and exit
-p PREFIX    install prefix, defaults to $PREFIX, must not contain spaces
-s           skip the installer's own pre- and post-install scripts
-u           update an existing installation
-t           run package tests after the installation
"

# All arguments in one string, as they did then: a space in a prefix splits it.
# shellcheck disable=SC2048,SC2086
OPTS=$(getopt bfhp:sut $* 2> /dev/null)
eval set -- "$OPTS"
while true; do
    case "$1" in
        -h)
            printf '%s\n' "$USAGE"
            exit 2
            ;;
        -b)
            BATCH=1
            shift
            ;;
        -f | -u)
            FORCE=1
            shift
            ;;
        -p)
            PREFIX="$2"
            shift 2
            ;;
        -s | -t) shift ;;
        --) break ;;
        *)
            printf "ERROR: did not recognize option '%s', please try -h\n" "$1"
            exit 1
            ;;
    esac
done

if ! bzip2 --help > /dev/null 2>&1; then
    printf 'WARNING: bzip2 does not appear to be installed: this may fail.\n' >&2
fi

if ! wc -c "$THIS_PATH" | grep @BYTES@ > /dev/null; then
    printf 'ERROR: size of %s should be @BYTES@ bytes\n' "$THIS_FILE" >&2
    exit 1
fi

if [ "$BATCH" = "0" ]; then
    printf '\nWelcome to @NAME@ @VER@\n\nDo you accept the license terms? [yes|no]\n>>> '
    read -r ans
    if [ "$ans" != "yes" ]; then
        printf 'The license was not accepted: nothing is installed.\n'
        exit 2
    fi
fi

case "$PREFIX" in
    *\ *)
        printf 'ERROR: Cannot install into directories with spaces\n' >&2
        exit 1
        ;;
esac
if [ "$FORCE" = "0" ] && [ -e "$PREFIX" ]; then
    printf 'ERROR: File or directory already exists: %s\n' "$PREFIX" >&2
    exit 1
fi
if ! mkdir -p "$PREFIX"; then
    printf 'ERROR: Could not create directory: %s\n' "$PREFIX" >&2
    exit 1
fi
PREFIX=$(cd "$PREFIX" && pwd)
export PREFIX
printf 'PREFIX=%s\n' "$PREFIX"
printf 'This is a stand-in made by the lab of Vivarium: it is not Anaconda.\n'

MD5=$(tail -n +@LINES@ "$THIS_PATH" | md5sum -)
if ! echo "$MD5" | grep @MD5@ > /dev/null; then
    printf 'WARNING: md5sum mismatch of tar archive\nexpected: @MD5@\n     got: %s\n' "$MD5" >&2
fi

cd "$PREFIX" || exit 1
tail -n +@LINES@ "$THIS_PATH" | tar xf - --no-same-owner
tar -xjf preconda.tar.bz2 --no-same-owner --no-same-permissions || exit 1
rm -f preconda.tar.bz2

PYTHON="$PREFIX/pkgs/@PYTHON_DIST@/bin/python"
install_dist() {
    printf 'installing: %s ...\n' "$1"
    mkdir -p "$PREFIX/pkgs/$1" || exit 1
    bunzip2 -c "$PREFIX/pkgs/$1.tar.bz2" | tar -xf - -C "$PREFIX/pkgs/$1" --no-same-owner --no-same-permissions || exit 1
    "$PYTHON" -B -E -s "$PREFIX/pkgs/.install.py" --root-prefix="$PREFIX" --link-dist="$1" || exit 1
}
for dist in @DISTS@; do
    install_dist "$dist"
done

tar -xjf postconda.tar.bz2 --no-same-owner --no-same-permissions || exit 1
rm -f postconda.tar.bz2
printf 'installation finished.\n'
if [ "$PYTHONPATH" != "" ]; then
    printf 'WARNING:\n    PYTHONPATH is set: it can make the Python of %s find what is not its own.\n' "$PREFIX"
fi
exit 0
@@END_HEADER@@
