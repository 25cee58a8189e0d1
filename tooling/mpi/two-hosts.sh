#!/usr/bin/env bash
# Two hosts on one machine: network namespaces with names of their own, joined by a link with delay and loss (link.ts). mpirun on
# host-a starts two ranks on each. Shows that they train to what one process gets, over a good link and over a bad one, and how long
# that takes; that a link which is cut ends the job on both hosts, and when; and that the last checkpoint goes on.
# (Stopped and killed ranks are a test: packages/trainer/src/parallel/mpi.test.ts.)
# Needs root, /dev/net/tun, iproute2, Open MPI (apt-get install iproute2 openmpi-bin libopenmpi3). Nothing leaves the namespaces.
# Prints a headline a part, the JSON of each run, and how long things took. No run may take more than five minutes.
#   sudo bash tooling/mpi/two-hosts.sh [DELAY_MS] [LOSS] | tee tooling/mpi/results/two-hosts.txt      default: 5 ms each way, .01 of the packets lost
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -d node_modules ] || npx --yes pnpm install >&2
echo "\$ bash tooling/mpi/two-hosts.sh $*"
delay=${1:-5}
loss=${2:-.01}
timeout=15

work=$(mktemp -d)
link=
cleanup() {
  [ -z "$link" ] || kill -KILL "$link" 2>/dev/null || true
  for host in a b; do
    # shellcheck disable=SC2046 # process ids, to be split
    kill -KILL $(ip netns pids "arcface-$host" 2>/dev/null) 2>/dev/null || true
  done
  ip netns del arcface-a 2>/dev/null || true
  ip netns del arcface-b 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

# A command on a host. Open MPI takes processes of one host name for neighbours that share memory, so each host has its own.
cat >"$work/on-host" <<'SH'
#!/usr/bin/env bash
case $1 in 10.77.0.1) name=a ;; 10.77.0.2) name=b ;; *) exit 1 ;; esac
shift
exec ip netns exec "arcface-$name" unshare --uts sh -c "hostname arcface-$name; $*"
SH
chmod +x "$work/on-host"

# Waits until a command succeeds: within SECONDS WHAT COMMAND...
within() {
  local ends=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" 2>/dev/null; do
    [ "$SECONDS" -lt "$ends" ] || { echo "waited for $what in vain" >&2; exit 1; }
    sleep .1
  done
}

connect() { # DELAY LOSS
  rm -f "$work/link"
  node --import tsx tooling/mpi/link.ts arcface-a arcface-b mpi0 "$1" "$2" >"$work/link" &
  link=$!
  within 60 'the link to be up' grep -q up "$work/link"
  for host in a:1 b:2; do
    ip -n "arcface-${host%:*}" address add "10.77.0.${host#*:}/24" dev mpi0
    ip -n "arcface-${host%:*}" link set mpi0 up mtu 9000
  done
}
disconnect() {
  kill -TERM "$link"
  wait "$link" || true
  tail -1 "$work/link"
  link=
}
# Daemons of Open MPI that hear nothing of each other ask after 5 s, and give up after three questions 2 s apart; their own default is
# eight minutes.
keepalive='--mca oob_tcp_keepalive_time 5 --mca oob_tcp_keepalive_intvl 2 --mca oob_tcp_keepalive_probes 3'
train() { # OUTPUT OPTIONS...
  local output=$1
  shift
  "$work/on-host" 10.77.0.1 "exec timeout 300 mpirun --allow-run-as-root --oversubscribe --host 10.77.0.1:2,10.77.0.2:2 -n 4 \
    --mca plm_rsh_agent $work/on-host --mca btl tcp,self --mca btl_tcp_if_include mpi0 --mca oob_tcp_if_include mpi0 $keepalive \
    node --import tsx $PWD/apps/cli/src/main.ts train --communicator mpi --rank-timeout $timeout \
    --threads 1 --data $work/faces --output $output $network $*"
}
network='--network r8-narrow --input-size 32 --embedding-size 16 --batch-size 12 --lr .002 --scale 16 --sync-batch-norm --dropout 0 --json'

for host in a b; do
  ip netns add "arcface-$host"
  ip -n "arcface-$host" link set lo up
done
node --import tsx tooling/mpi/write-faces.ts "$work/faces"

echo '== one process'
# shellcheck disable=SC2086 # options, to be split
node --import tsx apps/cli/src/main.ts train --threads 1 --data "$work/faces" --output "$work/alone" $network --max-steps 10
for quality in '0 0' "$delay $loss"; do
  # shellcheck disable=SC2086 # two numbers
  set -- $quality
  echo "== two hosts with two ranks each, $1 ms each way, $2 of the packets lost"
  connect "$1" "$2"
  begun=$(date +%s.%N)
  train "$work/hosts-$1" --max-steps 10
  echo "$(date +%s.%N) $begun" | awk '{ printf "%.1f s\n", $1 - $2 }'
  disconnect
done

has_steps() { [ "$(steps)" -ge "$1" ]; }
steps() {
  local count
  count=$(grep -c '"kind":"step"' "$work/cut/log.jsonl" 2>/dev/null) || true
  echo "${count:-0}"
}
# The link is in the second namespace, too; the launcher has the ranks' command in its own.
pids_on() { ip netns pids "arcface-$1" | grep -vx "$link" || true; }
ranks_on() { pids_on "$1" | xargs -r ps -o args= -p | grep -Ev '^(timeout [0-9]+ )?mpirun' | grep -c 'train --communicator' || true; }
seconds_since() { echo "$(date +%s.%N) $1" | awk '{ printf "%.0f", $1 - $2 }'; }
for daemons in "that keep asking after each other" "as they are by default"; do
  [ "$daemons" = 'as they are by default' ] && keepalive=
  echo "== the link is cut, ranks wait $timeout s at most, daemons $daemons"
  rm -rf "$work/cut"
  connect 0 0
  train "$work/cut" --max-steps 100000 --checkpoint-every 5 >"$work/cut.out" 2>"$work/cut.err" &
  job=$!
  within 120 'ten steps' has_steps 10
  # From now on nothing gets through, and nobody is told so.
  kill -STOP "$link"
  cut=$(date +%s.%N)
  until [ "$(ranks_on a)" = 0 ] && [ "$(ranks_on b)" = 0 ]; do
    [ "$(seconds_since "$cut")" -lt 120 ] || break
    sleep .5
  done
  echo "ranks after $(seconds_since "$cut") s: $(ranks_on a) on arcface-a, $(ranks_on b) on arcface-b"
  until ! kill -0 "$job" 2>/dev/null; do
    [ "$(seconds_since "$cut")" -lt 120 ] || break
    sleep .5
  done
  if kill -0 "$job" 2>/dev/null; then
    echo "mpirun is still there after $(seconds_since "$cut") s, and is killed"
    # shellcheck disable=SC2046 # process ids, to be split
    kill -KILL $(pids_on a) 2>/dev/null || true
  else
    code=0
    wait "$job" || code=$?
    echo "mpirun ended after $(seconds_since "$cut") s with $code"
  fi
  grep -m 4 -E 'sign of life|lost (communication|connection)' "$work/cut.err" || tail -5 "$work/cut.err"
  # shellcheck disable=SC2046 # process ids, to be split
  kill -KILL $(pids_on b) 2>/dev/null || true
  kill -CONT "$link"
  disconnect
done
echo '== and goes on from the last checkpoint'
connect 0 0
train "$work/cut" --max-steps 30 --resume
disconnect
