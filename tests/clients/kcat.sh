#!/usr/bin/env bash
# kcat as Debian has it, on an old librdkafka: its everyday uses. It makes topics only by producing to them: those with
# settings of their own (rebalance, many, big) are there before it runs.
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
by_time() { # kcat stamps its records with the clock's time
  local topic=${prefix}time between
  head -n 50 "$work/values" | quick -P -t "$topic" && sleep 0.1 && between=$(date +%s%3N) && sleep 0.1 &&
    tail -n 50 "$work/values" | quick -P -t "$topic" &&
    [ "$(quick -Q -t "$topic:0:$between")" = "$topic [0] offset 50" ] &&
    quick -C -t "$topic" -p 0 -o "s@$between" -e -q | diff <(tail -n 50 "$work/values") -
}
tail_of() { [ "$(quick -C -t "${prefix}produce-none-all" -o -3 -e -q | tail -1)" = 'record 99' ]; }
headers() {
  echo value | quick -P -t "${prefix}headers" -H a=1 -H a=2 -H none -H empty= &&
    quick -C -t "${prefix}headers" -o beginning -e -q -J | grep -F '"headers":["a","1","a","2","none",null,"empty",""]'
}
group() { # -G does not end by itself when all is read: the count ends it
  quick -G "${prefix}group" -c 100 -q -X auto.offset.reset=earliest "${prefix}produce-gzip-all" > "$work/read" &&
    diff "$work/values" "$work/read"
}
until_holds() { # COMMAND...: waits for the command to pass
  for ((i = 0; i < 300; i++)); do
    "$@" && return
    sleep 0.1
  done
  echo "not within 30 s: $*"
  return 1
}
member() { # NAME: one of the group "rebalance", in the background
  timeout 60 kcat -b "$bootstrap" -G "${prefix}rebalance" -u -X auto.offset.reset=earliest -X heartbeat.interval.ms=300 \
    "${prefix}rebalance" > "$work/$1.read" 2> "$work/$1.told" &
}
has() { # NAME COUNT: so many partitions
  [ "$(grep rebalanced "$work/$1.told" | tail -n 1 | sed 's/.*revoked:.*//' | grep -o '\[[0-9]*\]' | wc -l)" -eq "$2" ]
}
both_read_all() { sort "$work/first.read" "$work/second.read" | cmp -s - <(head -n 40 "$work/values" | sort); }
rebalance() {
  local topic=${prefix}rebalance first second
  member first
  first=$!
  until_holds has first 4 || return 1
  member second
  second=$!
  until_holds has second 2 && until_holds has first 2 || return 1
  for partition in 0 1 2 3; do
    head -n $((10 * partition + 10)) "$work/values" | tail -n 10 | quick -P -t "$topic" -p "$partition" || return 1
  done
  until_holds both_read_all || return 1
  kill "$second" && wait "$second"
  until_holds has first 4 || return 1
  kill "$first" && wait "$first"
  # What was read is committed: another member gets only what comes after.
  echo after | quick -P -t "$topic" -p 0 && [ "$(quick -G "$topic" -c 1 -q -X auto.offset.reset=earliest "$topic")" = after ]
}
nulls() { # A length of -1 is null
  printf ':v\nk:\n:\n' | quick -P -t "${prefix}nulls" -K: -Z &&
    quick -C -t "${prefix}nulls" -o beginning -e -q -f '%K %S\n' | diff <(printf -- '-1 1\n1 -1\n-1 -1\n') -
}
big() {
  head -c 2000000 /dev/zero | tr '\0' b > "$work/big"
  quick -P -t "${prefix}big" -X message.max.bytes=4000000 "$work/big" &&
    quick -C -t "${prefix}big" -o beginning -e -q -f %s | cmp "$work/big" -
}
many() { # so many keys that each of the partitions gets some
  seq 0 19999 | sed 's/.*/key&:record &/' | quick -P -t "${prefix}many" -K: &&
    quick -C -t "${prefix}many" -o beginning -e -q -f '%p %s\n' > "$work/read" &&
    [ "$(cut -d' ' -f1 "$work/read" | sort -u | wc -l)" -eq 1000 ] && [ "$(sort -u "$work/read" | wc -l)" -eq 20000 ]
}
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
scenario group-rebalance rebalance
scenario nulls nulls
scenario big-message big
scenario many-partitions many
scenario idempotent idempotent
echo done
