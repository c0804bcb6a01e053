#!/bin/sh
#
# Created by Vivarium's lab, in the shape of constructor 3.11. A stand-in: not Anaconda's.
#
# NAME:  @NAME@
# VER:   @VER@
# PLAT:  @PLAT@
# MD5:   @MD5@

set -eu
unset LD_LIBRARY_PATH LD_PRELOAD LD_AUDIT

case "$0" in
    *.sh) ;;
    *)
        printf 'Please run this file as a file whose name ends in ".sh", by "bash" or "sh".\n' >&2
        return 1 2> /dev/null || exit 1
        ;;
esac

# The payload is bound to a C library at least as new as the one it was made with.
need_glibc=@GLIBC@
have_glibc=${CONDA_OVERRIDE_GLIBC:-$(getconf GNU_LIBC_VERSION 2> /dev/null | sed 's/^glibc //')}
if [ "$(printf '%s\n' "$need_glibc" "${have_glibc:-0}" | sort -V | head -n 1)" != "$need_glibc" ]; then
    printf 'Installer requires GLIBC >=%s, but system has %s.\n' "$need_glibc" "${have_glibc:-none}" >&2
    exit 1
fi

THIS_DIR=$(cd "$(dirname "$0")" && pwd)
THIS_FILE=$(basename "$0")
THIS_PATH="$THIS_DIR/$THIS_FILE"
PREFIX="${HOME:-/opt}/@DEFAULT_DIR@"
BATCH=0
FORCE=0
KEEP_PKGS=1
SKIP_SCRIPTS=0
SKIP_MENU=0
TEST=0
CONDA_INIT=0
USAGE="
usage: $0 [options]

Installs @NAME@ @VER@ (a stand-in, made by Vivarium's lab)

-b           run in batch mode: no questions; the licence counts as accepted
-f           no error if the install prefix already exists
-h           print this help message and exit
-i           run interactively
-k           keep the package cache
-m           make no menu entries
-p PREFIX    install prefix, defaults to $PREFIX, must not contain spaces
-s           skip the installer's own pre- and post-install scripts
-t           run package tests after the installation
-u           update an existing installation
-c           run 'conda init' after a batch installation
"

while getopts "bifhkp:smtuc" x; do
    case "$x" in
        h)
            printf '%s\n' "$USAGE"
            exit 2
            ;;
        b) BATCH=1 ;;
        i) BATCH=0 ;;
        f | u) FORCE=1 ;;
        k) KEEP_PKGS=1 ;;
        m) SKIP_MENU=1 ;;
        p) PREFIX="$OPTARG" ;;
        s) SKIP_SCRIPTS=1 ;;
        t) TEST=1 ;;
        c) CONDA_INIT=1 ;;
        *)
            printf "ERROR: did not recognize option '%s', please try -h\n" "$x"
            exit 1
            ;;
    esac
done

if [ "$BATCH" = "0" ]; then
    # Only a person is asked about the machine: a batch run meets a foreign file at its engine.
    if [ "$(uname -m)" != "@MACHINE@" ]; then
        printf 'WARNING:\n    This is a @MACHINE@ installer on another machine. Continue? [yes|no]\n[no] >>> '
        read -r ans
        [ "$ans" = yes ] || exit 2
    fi
    printf '\nWelcome to @NAME@ @VER@\n\nDo you accept the license terms? [yes|no]\n>>> '
    read -r ans
    if [ "$ans" != "yes" ] && [ "$ans" != "Yes" ] && [ "$ans" != "YES" ]; then
        printf 'The license was not accepted: nothing is installed.\n'
        exit 2
    fi
    printf '\n@NAME@ will be installed into:\n%s\n[%s] >>> ' "$PREFIX" "$PREFIX"
    read -r answer
    PREFIX="${answer:-$PREFIX}"
fi

case "$PREFIX" in
    *\ *)
        printf 'ERROR: Cannot install into directories with spaces\n' >&2
        exit 1
        ;;
esac

if [ "$FORCE" = "0" ] && [ -e "$PREFIX" ]; then
    printf "ERROR: File or directory already exists: '%s'\n" "$PREFIX" >&2
    printf 'If you want to update an existing installation, use the -u option.\n' >&2
    exit 1
fi

if ! mkdir -p "$PREFIX"; then
    printf "ERROR: Could not create directory: '%s'\n" "$PREFIX" >&2
    exit 1
fi

total_installation_size_kb="@INSTALLED_KB@"
free_disk_space_kb=$(df -Pk "$PREFIX" | tail -n 1 | awk '{print $4}')
if [ "$((free_disk_space_kb - 50 * 1024))" -lt "$total_installation_size_kb" ]; then
    printf 'ERROR: Not enough free disk space: %s MB are available and %s MB are needed (and 50 MB beside).\n' \
        "$((free_disk_space_kb / 1024))" "$((total_installation_size_kb / 1024))" >&2
    exit 1
fi

PREFIX=$(cd "$PREFIX" && pwd)
export PREFIX
printf 'PREFIX=%s\n' "$PREFIX"
printf 'This is a stand-in made by the lab of Vivarium: it is not Anaconda.\n'

# Bytes of this file from $1 up to $2, counted from 0.
extract_range() {
    dd if="$THIS_PATH" bs=1048576 skip="$1" count="$(($2 - $1))" iflag=skip_bytes,count_bytes status=none
}

last_line=$(grep -anm 1 '^@@END_HEADER@@' "$THIS_PATH" | sed 's/:.*//')
boundary0=$(head -n "$last_line" "$THIS_PATH" | wc -c | sed 's/ //g')
boundary1=$(( boundary0 + @ENGINE_SIZE@ ))
boundary2=$(( boundary1 + @TARBALL_SIZE@ ))

MD5=$(extract_range "$boundary0" "$boundary2" | md5sum -)
if ! echo "$MD5" | grep @MD5@ > /dev/null; then
    printf 'WARNING: md5sum mismatch of tar archive\n' >&2
    printf 'expected: @MD5@\n' >&2
    printf '     got: %s\n' "$MD5" >&2
fi

cd "$PREFIX"
CONDA_EXEC="$PREFIX/_conda"
extract_range "$boundary0" "$boundary1" > "$CONDA_EXEC"
chmod +x "$CONDA_EXEC"

# TMPDIR, where it is set, is stronger than this.
TMP="$PREFIX/install_tmp"
export TMP
mkdir -p "$TMP"
if [ "$(id -u)" -ne 0 ]; then
    touch "$PREFIX/.nonadmin"
fi

printf 'Unpacking payload ...\n'
extract_range "$boundary1" "$boundary2" | "$CONDA_EXEC" constructor --prefix "$PREFIX" --extract-tarball
"$CONDA_EXEC" constructor --prefix "$PREFIX" --extract-tarball < "$PREFIX/preconda.tar.bz2"
rm -f "$PREFIX/preconda.tar.bz2"
"$CONDA_EXEC" constructor --prefix "$PREFIX" --extract-conda-pkgs

if [ "$SKIP_SCRIPTS" = "0" ]; then
    sh "$PREFIX/pkgs/pre_install.sh"
fi
test -d ~/.conda || mkdir -p ~/.conda > /dev/null

printf '\nInstalling base environment...\n\n'
CONDA_SAFETY_CHECKS=disabled CONDA_QUIET=1 CONDA_PKGS_DIRS="$PREFIX/pkgs" CONDA_ROOT_PREFIX="$PREFIX" \
    "$CONDA_EXEC" install --offline --file "$PREFIX/conda-meta/initial-state.explicit.txt" -yp "$PREFIX" --no-rc

"$CONDA_EXEC" constructor --prefix "$PREFIX" --extract-tarball < "$PREFIX/postconda.tar.bz2"
rm -f "$PREFIX/postconda.tar.bz2"
rm -rf "$PREFIX/install_tmp"
[ "$SKIP_MENU" = 1 ] || :

if [ "$SKIP_SCRIPTS" = "0" ]; then
    sh "$PREFIX/pkgs/post_install.sh"
fi
[ "$KEEP_PKGS" = "1" ] || rm -rf "$PREFIX/pkgs"

printf 'installation finished.\n'
if [ "${PYTHONPATH:-}" != "" ]; then
    printf 'WARNING:\n    PYTHONPATH is set: it can make the Python of %s find what is not its own.\n' "$PREFIX"
fi
if [ "$CONDA_INIT" = "1" ]; then
    printf 'WARNING: this stand-in has no conda: nothing to initialise.\n' >&2
fi
if [ "$TEST" = "1" ]; then
    printf 'ERROR: this stand-in has no package tests.\n' >&2
    exit 1
fi
exit 0
@@END_HEADER@@
