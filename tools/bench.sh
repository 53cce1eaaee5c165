#!/bin/sh
# Prints the benchmark table: the programs of tests/bench/ where their data is, then the running server
# against a bare one and at scale. The large store is made once, in build/bench/ (some minutes, 3 GB).
#
#     tools/bench.sh [--quick]      a hundredth of the large store
set -eu

cd "$(dirname "$0")/.."

[ -d build/bench/meson-info ] || meson setup build/bench -Dbench=true >/dev/null
ninja --quiet -C build/bench

shared=../shared/data
programs=build/bench/tests

echo "== retrieval (plain BM25 in the same run), and of what nobody has answered"
if [ -d "$shared" ]; then
    "$programs/bench_retrieval" "$shared/retrieval_banking77_docs.tsv" "$shared/retrieval_banking77_queries.tsv" \
        --no-answers
    "$programs/bench_retrieval" "$shared/retrieval_banking77_docs.tsv" "$shared/retrieval_banking77_queries.tsv" \
        --no-answers --hold-out 30
else
    echo "skipped: needs $shared"
fi

echo "== recording usage rows (at least 0.6 of bare SQLite inserts)"
"$programs/bench_usage" build/bench "$shared/llm_calls_azure_2023_conv.csv"

echo "== templates to all tenants"
"$programs/bench_templates" build/bench "$@"

echo "== import of tables (at most 2 times reading them and inserting; a fifth of openpyxl's reading)"
"$programs/bench_transfer" build/bench

echo "== the server"
node tests/bench/server.mjs "$@"

echo "== everyone's knowledge: any filter in any order (20 ms, with a keyword 50 ms)"
case " $* " in
*" --quick "*) knowledge=build/bench/data-quick ;;
*) knowledge=build/bench/data-large ;;
esac
"$programs/bench_knowledge" "$knowledge/kimono.db"

echo "== export of tables (at most 1.3 times libxlsxwriter alone)"
"$programs/bench_transfer" build/bench "$knowledge/kimono.db"
