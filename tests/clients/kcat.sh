#!/usr/bin/env bash
# kcat as Debian has it, on an old librdkafka: its everyday uses.
set -u
bootstrap=$1 prefix=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
seq 0 99 | sed 's/.*/key&:record &/' > "$work/records"
cut -d: -f2 "$work/records" > "$work/values"

scenario() { # NAME COMMAND...: passes when the command does
  local name=$1 why
  shift
  if why=$("$@" 2>&1); then echo "ok $name"; else echo "FAIL $name $(tr '\n' ' ' <<< "$why" | cut -c1-300)"; fi
}
quick() { timeout 40 kcat -b "$bootstrap" "$@"; }

produce() { # CODEC ACKS: keys, to a topic that producing makes
  local topic=${prefix}produce-$1-$2
  quick -P -t "$topic" -K: -z "$1" -X acks="$2" -l "$work/records" &&
    quick -C -t "$topic" -o beginning -e -q > "$work/read" && diff "$work/values" "$work/read"
}
metadata() { quick -L -t "${prefix}produce-none-all" | grep -q 'partition 0, leader 1, replicas: 1, isrs: 1'; }
by_offset() { [ "$(quick -C -t "${prefix}produce-none-all" -p 0 -o 42 -c 1 -q -f '%k %s %o')" = 'key42 record 42 42' ]; }
by_time() { [ "$(quick -Q -t "${prefix}produce-none-all:0:1000")" = "${prefix}produce-none-all [0] offset 0" ]; }
tail_of() { [ "$(quick -C -t "${prefix}produce-none-all" -o -3 -e -q | tail -1)" = 'record 99' ]; }
headers() {
  echo value | quick -P -t "${prefix}headers" -H a=1 -H b=2 &&
    [ "$(quick -C -t "${prefix}headers" -o beginning -e -q -f '%h %s')" = 'a=1,b=2 value' ]
}
group() { # -G does not end by itself when all is read: the count ends it
  quick -G "${prefix}group" -c 100 -q -X auto.offset.reset=earliest "${prefix}produce-gzip-all" > "$work/read" &&
    diff "$work/values" "$work/read"
}
nulls() { printf 'k:\n' | quick -P -t "${prefix}nulls" -K: -Z && [ "$(quick -C -t "${prefix}nulls" -o beginning -e -q -f '%k %S')" = 'k -1' ]; }
idempotent() {
  quick -P -t "${prefix}idempotent" -X enable.idempotence=true -l "$work/values" &&
    quick -C -t "${prefix}idempotent" -o beginning -e -q | diff "$work/values" -
}

for codec in none gzip snappy lz4 zstd; do
  for acks in 0 1 all; do scenario "produce-$codec-$acks" produce "$codec" "$acks"; done
done
scenario metadata metadata
scenario consume-from-offset by_offset
scenario consume-from-time by_time
scenario consume-tail tail_of
scenario headers headers
scenario group group
scenario nulls nulls
scenario idempotent idempotent
echo done
