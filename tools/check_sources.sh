#!/bin/sh
# Every C file is listed in the meson.build beside it, and every listed one exists. None calls a function of the C
# library that answers from a buffer which all threads share.
#
#     tools/check_sources.sh [--write]      --write brings the lists up to date
set -eu
export LC_ALL=C

cd "$(dirname "$0")/.."

# The list of a folder: `NAME = files(` and a line for each file that the pattern finds.
list() { # variable folder pattern
    echo "$1 = files("
    (cd "$2" && find . -maxdepth 1 -name "$3" | sed 's|^\./||' | sort | sed "s|.*|  '&',|")
    echo ")"
}

lists_of() { # folder
    case $1 in
    src/*) # with the rooms in it
        echo "$(basename "$1")_sources = files("
        (cd "$1" && find . -name '*.c' | sed 's|^\./||' | sort | sed "s|.*|  '&',|")
        echo ")"
        ;;
    tests/unit)
        list unit_tests "$1" 'test_*.c'
        echo "unit_helpers = files("
        (cd "$1" && find . -maxdepth 1 -name '*.c' ! -name 'test_*' | sed 's|^\./||' | sort | sed "s|.*|  '&',|")
        echo ")"
        ;;
    tests/*) list "$(basename "$1")_programs" "$1" '*.c' ;;
    esac
}

status=0
for folder in src/*/ tests/unit tests/fault tests/fuzz tests/bench; do
    folder=${folder%/}
    [ "$folder" != src/static ] || continue
    wanted=$(lists_of "$folder")
    if [ "${1-}" = --write ]; then
        echo "$wanted" >"$folder/meson.build"
    elif [ "$wanted" != "$(cat "$folder/meson.build" 2>/dev/null)" ]; then
        echo "$folder/meson.build does not list what is there: run tools/check_sources.sh --write" >&2
        status=1
    fi
done

shared='asctime|ctime|gmtime|localtime|strtok|rand|srand|drand48|getpwnam|getpwuid|getgrnam|getgrgid'
shared="$shared|gethostbyname|inet_ntoa|tmpnam|ttyname|strsignal|setlocale|readdir_r"
if grep -rnE "(^|[^A-Za-z0-9_>.])($shared)\\(" src --include='*.c' --include='*.h' |
    grep -vE '^src/base/clock\.c:[0-9]+:struct tm \*(gmtime|localtime)\('; then
    echo 'these share one buffer, or one state, among all threads: use their _r form' >&2
    status=1
fi
exit $status
