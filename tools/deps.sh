#!/bin/sh
# Installs what building and testing need and this machine lacks: Debian packages, Node, npm packages.
#
#     tools/deps.sh [build] [test] [bench]      default: build
#
# Says what it does, does nothing when nothing is missing, and needs root or sudo only for apt.
set -eu

cd "$(dirname "$0")/.."

NODE_MAJOR=22 # what tools/node/package.json pins

# What the program is compiled with and linked against.
BUILD_PACKAGES="gcc libc6-dev make meson ninja-build pkg-config ca-certificates tzdata
    libmicrohttpd-dev libcjson-dev libcurl4-openssl-dev libjwt-dev libsodium-dev libsqlite3-dev libcsv-dev
    libunistring-dev libxxhash-dev libinih-dev zlib1g-dev libzstd-dev libzip-dev libexpat1-dev libxlsxwriter-dev libpq-dev"

# What only the tests and the linters run.
TEST_PACKAGES="libcmocka-dev clang libclang-rt-14-dev clang-format clang-tidy cppcheck shellcheck
    chromium-headless-shell fonts-noto-cjk util-linux postgresql"

# What the benchmarks send requests with, and the other database.
BENCH_PACKAGES="wrk postgresql"

say() {
    echo "deps: $*"
}

fail() {
    echo "deps: $*" >&2
    exit 1
}

missing_packages() {
    installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
        sed -n 's/^installed //p' | tr '\n' ' ')"
    for package in "$@"; do
        case $installed in
        *" $package "*) ;;
        *) printf '%s ' "$package" ;;
        esac
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        fail "this needs root, and there is no sudo: run as root: $*"
    fi
}

# A registry may fail for a moment.
twice() {
    "$@" && return
    say "that failed; once more in ten seconds"
    sleep 10
    "$@"
}

# Debian's package makes a cluster that always runs, on a port of the machine. The tests start one of
# their own, so this says no to that while it is installed.
without_cluster() {
    folder=/etc/postgresql-common/createcluster.d
    as_root mkdir -p "$folder"
    echo 'create_main_cluster = false' | as_root tee "$folder/kimono.conf" >/dev/null
    status=0
    "$@" || status=$?
    as_root rm "$folder/kimono.conf"
    return "$status"
}

apt_install() {
    [ $# -gt 0 ] || return 0
    command -v apt-get >/dev/null 2>&1 || fail "no apt-get here; please install by hand: $*"
    say "installing Debian packages: $*"
    twice as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q ||
        fail "apt-get update failed: is there a network, and is /etc/apt set up?"
    case " $* " in
    *" postgresql "*) set_up=without_cluster ;;
    *) set_up="" ;;
    esac
    $set_up twice as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" ||
        fail "apt-get could not install: $*"
}

node_is_new_enough() {
    major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null) && [ "$major" -ge "$NODE_MAJOR" ]
}

# In a folder of our own: npm 9 makes no link for a program that two optional packages have.
link_programs() (
    mkdir -p build/node/bin
    cd build/node/bin
    ln -s ../node_modules/npm/bin/npm-cli.js npm
    ln -s ../node_modules/npm/bin/npx-cli.js npx
    for node in ../node_modules/node-linux-*/bin/node; do
        [ ! -x "$node" ] || ln -s "$node" node
    done
)

# npm, and Node where the machine's own is too old, pinned with their hashes. The npm there is fetches
# them; after that the pinned one does everything (npm 11 refuses lock files that lack the packages of
# platforms which a registry does not carry, and Debian's npm 9 leaves native parts out).
install_node() {
    stamp=build/node/.made-from
    if cmp -s tools/node/package-lock.json "$stamp" && node_is_new_enough; then
        return
    fi
    omit=""
    ! node_is_new_enough || omit="--omit=optional"
    command -v npm >/dev/null 2>&1 || apt_install nodejs npm
    [ -n "$omit" ] && what=npm || what="npm and Node $NODE_MAJOR"
    say "installing $what into build/node"
    rm -rf build/node
    mkdir -p build/node
    cp tools/node/package.json tools/node/package-lock.json tools/node/.npmrc build/node/
    # shellcheck disable=SC2086 # no word at all while empty
    (cd build/node && twice npm ci --ignore-scripts --no-audit --no-fund --loglevel=error $omit) ||
        fail "npm could not fetch them: is there a network?"
    link_programs
    hash -r # the shell may remember the npm from before
    node_is_new_enough || fail "build/node/bin/node does not run on this machine"
    cp tools/node/package-lock.json "$stamp"
}

# The lock file that node_modules was made from is kept beside it and tells whether it is up to date.
install_npm_packages() {
    stamp=node_modules/.made-from
    if cmp -s package-lock.json "$stamp"; then
        return
    fi
    say "installing npm packages"
    twice npm ci --no-audit --no-fund --loglevel=error || fail "npm ci failed: is there a network?"
    cp package-lock.json "$stamp"
}

wanted=""
for group in "${@:-build}"; do
    case $group in
    build) wanted="$wanted $BUILD_PACKAGES" ;;
    test) wanted="$wanted $TEST_PACKAGES" ;;
    bench) wanted="$wanted $BENCH_PACKAGES" ;;
    *) fail "unknown group '$group': build, test or bench" ;;
    esac
done

# shellcheck disable=SC2046,SC2086 # lists of names
apt_install $(missing_packages $wanted)

PATH="$PWD/build/node/bin:$PATH"
export PATH
install_node
install_npm_packages
