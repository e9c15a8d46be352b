#!/bin/sh
# Creates each topic of topics.txt that is not there yet and sets its configuration. Repeats until
# Kafka has taken it; the Job's deadline ends a hopeless wait. Logs one JSON object a line.
set -u
topics=$(dirname "$0")/topics.txt
# Nothing below can fail but this: the loop ends when every topic is there.
[ -s "$topics" ] || exit 1
# By the brokers' clock: with a wrong one, a client's records would be refused as too far ahead, or
# deleted as too old.
time=message.timestamp.type=LogAppendTime

create() {
  /opt/kafka/bin/kafka-topics.sh --bootstrap-server "$KAFKA_BROKERS" --create --if-not-exists \
    --topic "$1" --partitions "$2" --replication-factor "$3" \
    --config "min.insync.replicas=$4" --config "retention.ms=$5" --config "$time"
}

configure() {
  /opt/kafka/bin/kafka-configs.sh --bootstrap-server "$KAFKA_BROKERS" --alter --entity-type topics \
    --entity-name "$1" --add-config "min.insync.replicas=$4,retention.ms=$5,$time"
}

# Each tool takes a second to start: a topic that was just created is configured already.
ensure() {
  said=$(create "$@") || { echo "$said"; return 1; }
  [ -z "$said" ] || echo "$said"
  case $said in
    *"Created topic"*) ;;
    *) configure "$@" ;;
  esac
}

all() {
  grep -v '^#' "$topics" | while read -r row; do
    # shellcheck disable=SC2086  # a row is five words
    until ensure $row; do sleep 1; done
  done
}

json() {
  while IFS= read -r line; do
    text=$(printf '%s' "$line" | tr '\t' ' ' | sed 's/[\\"]/\\&/g')
    printf '{"timestamp":"%s","level":"info","service":"kafka-topics","event":"%s"}\n' \
      "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$text"
  done
}

all 2>&1 | json
