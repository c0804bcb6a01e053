#!/bin/bash
# Puts on a fresh Debian 12 what the demo and the tests need, and says what and why.
#
#   tests/lab/setup.sh demo     what `make demo` needs
#   tests/lab/setup.sh test     what `make test` needs (all of demo's, and more)
#   tests/lab/setup.sh check    what `make check` needs (all of test's, and cargo-deny and mdbook, built here)
#   tests/lab/setup.sh test-vm  what `make test-vm` needs (all of demo's, an emulator, a maker of images)
#   tests/lab/setup.sh fuzz     what `make fuzz` needs: a linker and libraries, Python
#   tests/lab/setup.sh dist     what `make dist` needs: compilers for aarch64, and what runs their programs here
#   tests/lab/setup.sh missing  installs nothing; says what is missing, ends 1 if anything is
#
# What is already there is left alone, so a second call takes a moment only. No service is left
# running: a cluster of PostgreSQL that Debian would make and start by itself is switched off first.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=$root/.lab/venv
requirements=$here/requirements.txt

# name of the package | for whom | why
packages() {
    grep -v '^ *#' <<'TABLE'
    iproute2        | demo | network namespaces and their links: the instance, the database, the archive
    nftables        | demo | security groups, network ACLs, the internet gateway and its NAT, in the lab's VPC
    e2fsprogs       | demo | mkfs.ext4 and resize2fs: the default filesystem of the volume
    xfsprogs        | demo | mkfs.xfs and xfs_growfs: the other filesystem of the volume
    util-linux      | demo | losetup, mount, unshare, nsenter
    mount           | demo | mount and losetup are packages of their own on a minimal machine
    procps          | demo | looking for what was left behind
    bzip2           | demo | the stand-in installer unpacks its packages with it, as installers of 2017 do
    openssl         | demo | libraries of Python's ssl module; a second opinion on certificates
    ca-certificates | demo | cargo and pip fetch over TLS
    postgresql      | demo | the real database that plays Amazon RDS
    python3         | demo | the lab is written in it, and it is the payload of the stand-in installer
    python3-venv    | demo | the lab's own packages stay apart from Debian's; brings pip's wheel
    python3-pip     | demo | the payload of the stand-in installer
    gcc             | demo | the linker of every Rust program; the stand-in installer's engine, the cut's tracer
    libc6-dev       | demo | the C library to link with
    make            | demo | the entrance
    git             | test+dist | the house's rules are checked on the files that git knows; the time of the commit
    openssh-server  | demo | a real sshd answers the checker's questions; Debian's own is not started
    openssh-client  | demo | keys for it, and ssh itself to compare with
    chromium        | test | the checker's report is opened in it, as a person would
    fonts-dejavu-core | test | letters for it: a machine without a screen has none
    busybox         | test | UserData's launcher under its shell and with its wget
    curl            | test | one of the launcher's ways to fetch
    wget            | test | one of the launcher's ways to fetch
    strace          | test | searching every system call for a planted secret
    g++             | fuzz | the runtime of the fuzzers is C++
    qemu-system-x86 | test-vm | a whole machine in software emulation, with a kernel and NVMe disks of its own
    qemu-utils      | test-vm | its root disk, laid over the image
    mmdebstrap      | test-vm | makes the image out of Debian's packages
    dnsmasq-base    | test-vm | gives the machine its address, as EC2's DHCP does; the program alone, no service
    debootstrap     | test | a clean Debian to install, upgrade, remove and purge the packages in
    rpm             | test+dist | rpm packages are unpacked with it, and installed in that Debian, with a database of its own
    gcc-aarch64-linux-gnu  | dist | the linker for aarch64, and the compiler of its cryptography
    libc6-dev-arm64-cross  | dist | the C library that is linked in, for aarch64
    qemu-user-static       | dist | the programs for aarch64 are run here
    shellcheck      | test | the shell of the house, and of its packaging, is held to it
    gdisk           | test | partition tables for the corpus of disk images
    fdisk           | test | partition tables for the corpus of disk images
    lvm2            | test | physical volumes for the corpus of disk images
    cryptsetup-bin  | test | LUKS headers for the corpus of disk images
    btrfs-progs     | test | btrfs for the corpus of disk images
    dosfstools      | test | FAT for the corpus of disk images
    exfatprogs      | test | exFAT for the corpus of disk images
    f2fs-tools      | test | F2FS for the corpus of disk images
    ntfs-3g         | test | NTFS for the corpus of disk images
    udftools        | test | UDF for the corpus of disk images
    xorriso         | test | ISO 9660 for the corpus of disk images
    squashfs-tools  | test | SquashFS for the corpus of disk images
    jfsutils        | test | JFS for the corpus of disk images
    reiserfsprogs   | test | ReiserFS for the corpus of disk images
    bcache-tools    | test | bcache for the corpus of disk images
TABLE
}

say() { printf '%s\n' "$*"; }

installed() {
    [ "$(dpkg-query -W -f '${Status}' "$1" 2>/dev/null)" = 'install ok installed' ]
}

# Each purpose needs what the ones before it need.
needed_for() {
    case $2 in
        check | test) [ "$1" = demo ] || [ "$1" = test ] || [ "$1" = test+dist ] ;;
        dist) [ "$1" = demo ] || [ "$1" = dist ] || [ "$1" = test+dist ] ;;
        fuzz | test-vm) [ "$1" = demo ] || [ "$1" = "$2" ] ;;
        *) [ "$1" = demo ] ;;
    esac
}

# Lines "name|why" of the packages that this purpose needs and the machine has not.
missing_packages() {
    local purpose=$1 name whose why
    while IFS='|' read -r name whose why; do
        name=${name// /} whose=${whose// /}
        needed_for "$whose" "$purpose" || continue
        installed "$name" || say "$name|${why# }"
    done < <(packages)
}

version_at_least() {
    [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]
}

wanted_rust() {
    sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml"
}

# A cargo that is too old counts as none: Debian 12's own is of 2022.
cargo_is_there() {
    local found
    found=$(cd "$root" && cargo --version 2>/dev/null | cut -d ' ' -f 2) || return 1
    [ -n "$found" ] && version_at_least "$found" "$(wanted_rust)"
}

venv_is_there() {
    [ -x "$venv/bin/python" ] && cmp -s "$requirements" "$venv/requirements.installed"
}

# Told before the package arrives, so that no cluster is made, no port taken, no daemon left.
keep_postgresql_quiet() {
    installed postgresql-common && return
    say '  (PostgreSQL: no cluster is made and nothing is started; the lab makes its own)'
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
        say 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
}

# The other services that come along are unwanted too. An administrator's own policy is kept.
without_services() {
    local policy=/usr/sbin/policy-rc.d status=0
    if [ -e "$policy" ]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod +x "$policy"
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    "$@" || status=$?
    rm -f "$policy"
    trap - EXIT
    return "$status"
}

# Debian's emulator breaks with disk tools of another version than its own, such as a machine may have from elsewhere.
disk_tools_of_the_emulator_s_version() {
    local theirs ours
    [[ " $* " == *' qemu-system-x86 '* ]] && installed qemu-utils || return 0
    theirs=$(dpkg-query -W -f '${Version}' qemu-utils)
    ours=$(apt-cache policy qemu-system-x86 | sed -n 's/^ *Candidate: //p')
    [ "$theirs" = "$ours" ] || say "qemu-utils=$ours"
}

install_packages() {
    local also
    say "Fetching with apt-get: $*"
    keep_postgresql_quiet
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    also=$(disk_tools_of_the_emulator_s_version "$@")
    [ -z "$also" ] || set -- --allow-downgrades "$also" "$@"
    without_services apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends --no-remove "$@" > /dev/null
}

install_venv() {
    say 'Making .lab/venv with the packages of tests/lab/requirements.txt'
    /usr/bin/python3 -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
    cp "$requirements" "$venv/requirements.installed"
}

# psycopg2's wheel for each Python that an installer given to the demo may bring; pip 9, which comes with
# Anaconda3-5.0.1, knows manylinux1 alone.
wheels() {
    printf '%s\n' '3.6 2.8.6 manylinux1' '3.6 2.9.5 manylinux2014' '3.7 2.9.9 manylinux2014' \
        '3.8 2.9.10 manylinux2014' '3.9 2.9.12 manylinux2014'
    printf '%s 2.9.13 manylinux2014\n' 3.10 3.11 3.12 3.13 3.14
}

wheels_are_there() {
    cmp -s <(wheels) "$root/.lab/wheels/fetched"
}

install_wheels() {
    local python version platform
    say "Fetching psycopg2-binary into .lab/wheels, where the lab's agent finds it"
    while read -r python version platform; do
        "$venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
            --python-version "$python" --platform "${platform}_$(uname -m)" --dest "$root/.lab/wheels" \
            "psycopg2-binary==$version"
    done < <(wheels)
    wheels > "$root/.lab/wheels/fetched"
}

# Programs that cargo builds: name, version, features that are left out.
tools() {
    say cargo-deny 0.20.2
    say mdbook 0.5.2 --no-default-features
}

tools_are_there() {
    cmp -s <(tools) "$root/.lab/tools/installed"
}

# They run for a second: to build them without optimising takes half the time.
install_tools() {
    local name version options
    say 'Building cargo-deny and mdbook into .lab/tools: two minutes'
    while read -r name version options; do
        # shellcheck disable=SC2086
        cargo install --quiet --locked --debug $options --version "$version" --root "$root/.lab/tools" "$name"
    done < <(tools)
    tools > "$root/.lab/tools/installed"
}

# A clean Debian, unpacked once; tests lay their changes over it.
root_is_there() {
    [ -e "$root/.lab/bookworm/etc/debian_version" ]
}

# From where this machine's own packages come.
install_root() {
    local mirror
    say 'Unpacking a clean Debian into .lab/bookworm'
    rm -rf "$root/.lab/bookworm" "$root/.lab/bookworm.part"
    # shellcheck disable=SC2016
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' | sed -n 1p)
    debootstrap --variant=minbase bookworm "$root/.lab/bookworm.part" ${mirror:+"$mirror"} > /dev/null
    mv "$root/.lab/bookworm.part" "$root/.lab/bookworm"
}

# Rust's own library for aarch64: rustup's, or Debian's, which needs Debian's compiler of the same version.
aarch64_is_there() {
    local sysroot
    sysroot=$(cd "$root" && rustc --print sysroot 2> /dev/null) || return 1
    [ -d "$sysroot/lib/rustlib/aarch64-unknown-linux-gnu/lib" ] ||
        { [ -x /usr/bin/rustc ] && [ "$(/usr/bin/rustc --version)" = "$(cat "$root/.lab/aarch64/of" 2> /dev/null)" ]; }
}

# With lists of its own: nothing else of the machine becomes a mixture of architectures.
install_aarch64() {
    local folder=$root/.lab/aarch64 version options
    say "Fetching Rust's library for aarch64 into .lab/aarch64"
    [ -x /usr/bin/rustc ] || install_packages cargo-web rustc-web
    version=$(/usr/bin/rustc --version | cut -d ' ' -f 2 | cut -d . -f 1,2)
    rm -rf "$folder"
    mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
    options=(-qq -o APT::Architectures::=amd64 -o APT::Architectures::=arm64 -o Dir::State::lists="$folder/lists"
        -o Dir::Cache="$folder/cache" -o Debug::NoLocking=1 -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update
    (cd "$folder" && apt-get "${options[@]}" download libstd-rust-web-dev:arm64 "libstd-rust-web-$version:arm64")
    for package in "$folder"/*.deb; do dpkg -x "$package" "$folder/root"; done
    rm -rf "$folder"/*.deb "$folder/lists" "$folder/cache"
    /usr/bin/rustc --version > "$folder/of"
}

must_be_debian_and_root() {
    if ! command -v apt-get > /dev/null; then
        say "This sets up Debian 12. Elsewhere, install by hand what $0 missing lists." >&2
        exit 1
    fi
    if [ "$(id -u)" -ne 0 ]; then
        say 'Run this as root: it installs packages, and the lab makes mounts and namespaces.' >&2
        exit 1
    fi
}

# Prints what is missing for a purpose, one line each; nothing if all is there.
report_missing() {
    missing_packages "$1" | while IFS='|' read -r name why; do printf '  %-16s %s\n' "$name" "$why"; done
    cargo_is_there || printf '  %-16s %s\n' cargo-web "Rust $(wanted_rust) or newer, to build the programs (Debian's own cargo is older)"
    venv_is_there || printf '  %-16s %s\n' .lab/venv "moto as the AWS API, the AWS CLI, pytest; in a folder of its own"
    wheels_are_there || printf '  %-16s %s\n' .lab/wheels "psycopg2-binary, for the interpreters that the demo may install"
    case $1 in test | check) root_is_there || printf '  %-16s %s\n' .lab/bookworm "a clean Debian for the packages' life cycles" ;; esac
    [ "$1" != dist ] || aarch64_is_there || printf '  %-16s %s\n' .lab/aarch64 "Rust's library for aarch64, of Debian's packages"
    [ "$1" != check ] || tools_are_there || printf '  %-16s %s\n' .lab/tools "cargo-deny holds every crate to deny.toml, mdbook makes the book of docs/"
}

set_up() {
    local missing names
    missing=$(report_missing "$1")
    if [ -z "$missing" ]; then
        return
    fi
    must_be_debian_and_root
    say "To be installed for \`make $1\`:" "" && say "$missing"
    mapfile -t names < <(missing_packages "$1" | cut -d '|' -f 1)
    cargo_is_there || names+=(cargo-web rustc-web)
    [ "${#names[@]}" -eq 0 ] || install_packages "${names[@]}"
    venv_is_there || install_venv
    wheels_are_there || install_wheels
    case $1 in test | check) root_is_there || install_root ;; esac
    [ "$1" != dist ] || aarch64_is_there || install_aarch64
    [ "$1" != check ] || tools_are_there || install_tools
    say 'Everything is there.'
}

report() {
    local missing
    missing=$(report_missing test)
    if [ -z "$missing" ]; then
        say 'Everything is there.'
        return
    fi
    say 'Missing:' && say "$missing"
    return 1
}

case ${1:-} in
    demo | test | check | fuzz | test-vm | dist) set_up "$1" ;;
    missing) report ;;
    *)
        say "usage: $0 demo|test|check|fuzz|test-vm|dist|missing" >&2
        exit 2
        ;;
esac
