#!/bin/sh
# Prints the benchmark table: the programs of tests/bench/ where their data is, then the running server
# against a bare one and at scale. The large store is made once, in build/bench/ (some minutes, 3 GB).
#
#     tools/bench.sh [--quick] [--store sqlite|postgresql]      --quick: a hundredth of the large store
#     tools/bench.sh --base COMMIT                              this build against that one, on SQLite
#
# --store postgresql: the same table on a PostgreSQL of its own, in the folder for temporary files, which goes with the
# end of the benchmark; the large store is carried there. What is bare then is libpq.
set -eu

cd "$(dirname "$0")/.."

quick=""
store=sqlite
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=--quick ;;
    --store) store=$2 && shift ;;
    --base) exec node tests/bench/compare.mjs "$2" ;;
    *) echo "bench: unknown argument $1" >&2 && exit 2 ;;
    esac
    shift
done

case $store in
sqlite) unset KIMONO_TEST_DATABASE ;;
postgresql)
    [ -n "${KIMONO_TEST_DATABASE:-}" ] ||
        exec node tools/postgresql.mjs --durable tools/bench.sh --store postgresql $quick
    ;;
*) echo "bench: no store $store: sqlite or postgresql" >&2 && exit 2 ;;
esac

[ -d build/bench/meson-info ] || meson setup build/bench -Dbench=true >/dev/null
ninja --quiet -C build/bench

shared=../shared/data
programs=build/bench/tests
name=data-large
[ -z "$quick" ] || name=data-quick

# The large store in PostgreSQL is the schema that tests/bench/stores.mjs makes of its name.
if [ "$store" = sqlite ]; then
    bare=SQLite
    large="build/bench/$name/kimono.db"
else
    bare=libpq
    large="$KIMONO_TEST_DATABASE?schema=$(echo "$name" | tr - _)"
fi

echo "== retrieval (plain BM25 in the same run), and of what nobody has answered"
if [ "$store" = postgresql ]; then
    echo "skipped: it runs in memory, so that the figures are those of STORE=sqlite"
elif [ -d "$shared" ]; then
    "$programs/bench_retrieval" "$shared/retrieval_banking77_docs.tsv" "$shared/retrieval_banking77_queries.tsv" \
        --no-answers
    "$programs/bench_retrieval" "$shared/retrieval_banking77_docs.tsv" "$shared/retrieval_banking77_queries.tsv" \
        --no-answers --hold-out 30
else
    echo "skipped: needs $shared"
fi

echo "== recording usage rows (at least 0.6 of bare $bare inserts)"
"$programs/bench_usage" build/bench "$shared/llm_calls_azure_2023_conv.csv"

echo "== log rows (at least 0.4 of bare $bare inserts, 80 bytes a row where a day has many)"
"$programs/bench_logs" build/bench ${quick:+100000}

echo "== usage rows that others send"
node tests/bench/ingest.mjs "$programs" $quick

echo "== templates to all tenants"
"$programs/bench_templates" build/bench $quick

echo "== import of tables (at most 2 times reading them and inserting; a fifth of openpyxl's reading)"
"$programs/bench_transfer" build/bench

echo "== the server"
node tests/bench/server.mjs $quick

echo "== everyone's knowledge: any filter in any order (20 ms, with a keyword 50 ms)"
"$programs/bench_knowledge" "$large"

echo "== export of tables (at most 1.3 times libxlsxwriter alone)"
"$programs/bench_transfer" build/bench "$large"
