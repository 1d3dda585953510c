#!/usr/bin/env bash
# A real Apache Kafka (KRaft mode) for tests and demos, from Maven Central's jars: no docker.
#
#   scripts/kafka.sh start [--nodes 1|3]     starts it and waits until it answers; a running one is left alone
#   scripts/kafka.sh stop [--wipe]           stops it; --wipe also deletes its data
#   scripts/kafka.sh status                  says what runs (exit code 1 if not all of it)
#   scripts/kafka.sh topic NAME PARTITIONS   creates a topic
#   scripts/kafka.sh produce TOPIC FILE      writes each line of FILE as a message ("-" is standard input)
#
# Needs java 17 or newer and mvn (for the first start only). Everything it keeps is in .dev/kafka.
# GATEWATCH_KAFKA_PORT   the first node's port (19092); its controller listens on the next one, TLS
#                        with a login on the one after that; each further node is 10 higher. There,
#                        user gatewatch, password gatewatch-fake (PLAIN and SCRAM), and the
#                        authority to trust is .dev/kafka/ca.pem
# GATEWATCH_KAFKA_DIR    where jars, data and logs go (.dev/kafka)
# GATEWATCH_KAFKA_HEAP   a node's heap (512m)
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
dir=${GATEWATCH_KAFKA_DIR:-$root/.dev/kafka}
port=${GATEWATCH_KAFKA_PORT:-19092}
heap=${GATEWATCH_KAFKA_HEAP:-512m}

die() { echo "kafka: $*" >&2; exit 1; }

broker_port() { echo $((port + 10 * ($1 - 1))); }

bootstrap() {
  local list=() i
  for i in $(nodes_known); do list+=("127.0.0.1:$(broker_port "$i")"); done
  local IFS=,
  echo "${list[*]:-127.0.0.1:$port}"
}

nodes_known() {
  local file
  for file in "$dir"/n[0-9].properties; do
    [ -e "$file" ] && basename "$file" .properties | tr -d n
  done
  return 0
}

java_() {
  java -XX:+UseSerialGC -XX:TieredStopAtLevel="${JIT:-4}" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    -Dlog4j2.level=WARN -cp "$dir/lib/*" "$@"
}

need_java() {
  command -v java >/dev/null || die "java is not installed. On Debian or Ubuntu: apt-get install -y openjdk-17-jre-headless"
  local version
  version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -1)
  [ "${version:-0}" -ge 17 ] || die "java ${version:-?} is too old: Kafka 4 needs java 17 or newer"
}

fetch() {
  [ -e "$dir/lib/.complete" ] && return
  command -v mvn >/dev/null || die "mvn is not installed. On Debian or Ubuntu: apt-get install -y maven"
  echo "kafka: fetching the jars from Maven Central into $dir/lib (about 120 MB, once)" >&2
  mkdir -p "$dir/lib"
  mvn -q -B -f "$root/tests/kafka/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$dir/lib" >&2 || die "mvn could not fetch the jars: see above (a proxy goes into ~/.m2/settings.xml)"
  touch "$dir/lib/.complete"
}

running() { # node
  local file="$dir/n$1.pid" pid
  [ -e "$file" ] || return 1
  pid=$(cat "$file")
  # The process must be ours: a number may have been given to another one since.
  kill -0 "$pid" 2>/dev/null && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "$dir/n$1.properties"
}

open_port() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

write_properties() { # node nodes
  local i=$1 nodes=$2 own voters="" n factor=1 isr=1
  own=$(broker_port "$i")
  for n in $(seq "$nodes"); do voters+="${voters:+,}$n@127.0.0.1:$(($(broker_port "$n") + 1))"; done
  [ "$nodes" -ge 3 ] && factor=3 isr=2
  cat >"$dir/n$i.properties" <<END
process.roles=broker,controller
node.id=$i
controller.quorum.voters=$voters
listeners=PLAINTEXT://127.0.0.1:$own,CONTROLLER://127.0.0.1:$((own + 1)),SASL_SSL://127.0.0.1:$((own + 2))
advertised.listeners=PLAINTEXT://127.0.0.1:$own,SASL_SSL://127.0.0.1:$((own + 2))
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_gatewatch="gatewatch-fake";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PKCS12
ssl.keystore.location=$dir/tls.p12
ssl.keystore.password=gatewatch-fake
log.dirs=$dir/data/n$i
num.partitions=6
auto.create.topics.enable=false
default.replication.factor=$factor
min.insync.replicas=$isr
offsets.topic.replication.factor=$factor
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$factor
transaction.state.log.min.isr=$isr
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=$factor
share.coordinator.state.topic.min.isr=$isr
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
unclean.leader.election.enable=false
broker.session.timeout.ms=6000
log.retention.check.interval.ms=5000
log.initial.task.delay.ms=5000
END
}

# A key and a certificate of its own: nobody else trusts it, which is what tests want.
make_certificate() {
  [ -s "$dir/ca.pem" ] && return
  rm -f "$dir/tls.p12"
  keytool -genkeypair -alias kafka -keyalg EC -groupname secp256r1 -validity 3650 -dname "CN=gatewatch-test" \
    -ext bc=ca:true -ext SAN=ip:127.0.0.1,dns:localhost -storetype PKCS12 -keystore "$dir/tls.p12" \
    -storepass gatewatch-fake >"$dir/keytool.log" 2>&1 || die "keytool failed: see $dir/keytool.log"
  keytool -exportcert -rfc -alias kafka -keystore "$dir/tls.p12" -storepass gatewatch-fake >"$dir/ca.pem" 2>>"$dir/keytool.log"
}

wait_ready() { # nodes
  local i=0 n ready
  while [ $i -lt 300 ]; do
    ready=1
    for n in $(seq "$1"); do
      running "$n" || die "node $n ended while starting. Its last lines:
$(tail -n 15 "$dir/n$n.log")"
      open_port "$(broker_port "$n")" || ready=0
    done
    # A port opens a little before the broker answers: ask it, through the tools, once they all are.
    if [ $ready = 1 ] && JIT=1 java_ -Xmx128m org.apache.kafka.tools.TopicCommand \
      --bootstrap-server "$(bootstrap)" --list >/dev/null 2>&1; then
      return
    fi
    sleep 0.2
    i=$((i + 1))
  done
  die "no answer on $(bootstrap) for a minute. See $dir/n1.log"
}

start() {
  local nodes=1 i up=0
  while [ $# -gt 0 ]; do
    case $1 in
      --nodes) nodes=${2:-}; shift 2 || die "--nodes needs 1 or 3" ;;
      *) die "start knows --nodes 1|3, not $1" ;;
    esac
  done
  [[ $nodes == 1 || $nodes == 3 ]] || die "--nodes is 1 or 3, not $nodes"
  for i in $(nodes_known); do running "$i" && up=$((up + 1)); done
  if [ $up -gt 0 ]; then
    [ "$up" = "$nodes" ] || die "$up node(s) run already, you asked for $nodes: stop them first with '$0 stop'"
    echo "kafka: runs already on $(bootstrap)"
    return
  fi
  need_java
  fetch
  for i in $(seq "$nodes"); do
    open_port "$(broker_port "$i")" && die "port $(broker_port "$i") is taken by something else: set GATEWATCH_KAFKA_PORT"
  done
  # Data of another number of nodes names other voters: it can't be carried over.
  [ "$(cat "$dir/data/nodes" 2>/dev/null)" = "$nodes" ] || rm -rf "$dir/data"
  rm -f "$dir"/n[0-9].*
  mkdir -p "$dir/data"
  make_certificate
  echo "$nodes" >"$dir/data/nodes"
  [ -s "$dir/data/cluster" ] || JIT=1 java_ -Xmx128m kafka.tools.StorageTool random-uuid 2>/dev/null | tail -1 >"$dir/data/cluster"
  for i in $(seq "$nodes"); do
    write_properties "$i" "$nodes"
    [ -e "$dir/data/n$i/meta.properties" ] || JIT=1 java_ -Xmx128m kafka.tools.StorageTool format \
      -t "$(cat "$dir/data/cluster")" -c "$dir/n$i.properties" \
      --add-scram 'SCRAM-SHA-256=[name=gatewatch,password=gatewatch-fake]' \
      --add-scram 'SCRAM-SHA-512=[name=gatewatch,password=gatewatch-fake]' >"$dir/n$i.log" 2>&1 || die "formatting failed: see $dir/n$i.log"
    # Its own session, so that Ctrl-C at the terminal does not take it along.
    setsid java -Xmx"$heap" -Xms128m -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dlog4j2.level=WARN \
      -cp "$dir/lib/*" kafka.Kafka "$dir/n$i.properties" >>"$dir/n$i.log" 2>&1 </dev/null &
    echo $! >"$dir/n$i.pid"
  done
  wait_ready "$nodes"
  echo "kafka: $nodes node(s) on $(bootstrap)"
}

stop() {
  local i left tries=0
  for i in $(nodes_known); do running "$i" && kill "$(cat "$dir/n$i.pid")"; done
  while :; do
    left=0
    for i in $(nodes_known); do running "$i" && left=1; done
    [ $left = 0 ] && break
    tries=$((tries + 1))
    # Three nodes stopped together have no quorum to hand over to, and would wait for minutes.
    if [ $tries -gt 100 ]; then
      for i in $(nodes_known); do running "$i" && kill -9 "$(cat "$dir/n$i.pid")"; done
    fi
    sleep 0.1
  done
  rm -f "$dir"/n[0-9].pid "$dir"/n[0-9].properties
  if [ "${1:-}" = --wipe ]; then rm -rf "$dir/data"; fi
  echo "kafka: stopped"
}

status() {
  local i any=0 down=0
  for i in $(nodes_known); do
    any=1
    if running "$i"; then echo "node $i: runs on 127.0.0.1:$(broker_port "$i"), process $(cat "$dir/n$i.pid")"
    else echo "node $i: does not run"; down=1; fi
  done
  [ $any = 1 ] || { echo "kafka: not started"; return 1; }
  return $down
}

case ${1:-} in
  start) shift; start "$@" ;;
  stop) shift; stop "$@" ;;
  status) status ;;
  topic)
    [ $# = 3 ] || die "usage: $0 topic NAME PARTITIONS"
    JIT=1 java_ -Xmx128m org.apache.kafka.tools.TopicCommand --bootstrap-server "$(bootstrap)" --create --topic "$2" --partitions "$3" 2>&1 | grep -v '^WARN' ;;
  produce)
    [ $# = 3 ] || die "usage: $0 produce TOPIC FILE"
    [ "$3" = - ] || [ -r "$3" ] || die "cannot read $3"
    if [ "$3" = - ]; then set -- "$1" "$2" /dev/stdin; fi
    java_ -Xmx256m org.apache.kafka.tools.ConsoleProducer --bootstrap-server "$(bootstrap)" --topic "$2" \
      --command-property linger.ms=20 --command-property max.request.size=8388608 <"$3" ;;
  *) sed -n '2,/^set /p' "$0" | sed '/^set /d; s/^# \{0,1\}//'; exit 64 ;;
esac
