#!/bin/bash
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/common.sh"

# A real Prometheus that scrapes a real node_exporter, which has metrics.prom of
# two logs by symbolic links, asked what the alerts and the dashboard ask.
monitoring=$SOURCE/scripts/monitoring

# query EXPRESSION: how many series answer it.
query() {
    curl -sS --max-time 20 --data-urlencode "query=$1" \
        "http://127.0.0.1:$prometheus_port/api/v1/query" >"$TMP/answer"
    jq -e '.status == "success"' "$TMP/answer" >/dev/null ||
        fail "$1: $(cat "$TMP/answer")"
    jq '.data.result | length' "$TMP/answer"
}

# has COUNT EXPRESSION
has() {
    [[ $(query "$2") == "$1" ]]
}

free_port() {
    python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

start_monitoring() {
    prometheus_port=$(free_port)
    exporter_port=$(free_port)
    mkdir "$TMP/textfiles" "$TMP/data"
    timeout 600 prometheus-node-exporter --web.listen-address="127.0.0.1:$exporter_port" \
        --collector.disable-defaults --collector.textfile \
        --collector.textfile.directory="$TMP/textfiles" \
        >"$TMP/exporter" 2>&1 &
    exporter=$!
    cat >"$TMP/prometheus.yml" <<END
global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: ["$monitoring/alerts.yml"]
scrape_configs:
  - job_name: node
    static_configs: [{targets: ["127.0.0.1:$exporter_port"]}]
END
    timeout 600 prometheus --config.file="$TMP/prometheus.yml" \
        --storage.tsdb.path="$TMP/data" --log.level=warn \
        --web.listen-address="127.0.0.1:$prometheus_port" \
        >"$TMP/prometheus" 2>&1 &
    prometheus=$!
    wait_for 60 curl -fsS "http://127.0.0.1:$prometheus_port/-/ready"
}

stop_monitoring() {
    kill "$prometheus" "$exporter"
    wait "$prometheus" "$exporter" || true
}

# The dashboard's queries, for all logs and in a short while.
queries() {
    jq -r '.panels[].targets[].expr' "$monitoring/dashboard.json" |
        sed 's/\$__rate_interval/10s/; s/\$log/.*/g; s/\[1h\]/[10s]/'
}

is_firing() {
    has 1 "ALERTS{alertname=\"$1\",alertstate=~\"$2\"}"
}

appends_fail() {
    seq 1000 >>"$MNT/append" 2>/dev/null || true
    sleep 0.2
    is_firing ClogAppendsFail firing
}

test_alerts_are_rules() {
    promtool check rules "$monitoring/alerts.yml"
    equal "$(grep -c 'alert: ' "$monitoring/alerts.yml")" 3
}

test_alerts_and_dashboard() {
    local expression other=$TMP/other
    start_monitoring
    mount_log -o retain_bytes=20K,max_store=1K
    mkdir "$MNT/cursors/c" "$other.mnt"
    "$CLOG" "$other" "$other.mnt"
    ln -s "$MNT/metrics.prom" "$TMP/textfiles/one.prom"
    ln -s "$other.mnt/metrics.prom" "$TMP/textfiles/other.prom"
    wait_for 60 has 2 clog_next
    wait_for 60 has 1 "clog_next{log=\"$LOG\"}"
    # Some queries are about what changes, and about drops.
    for _ in {1..60}; do
        seq 1000 >>"$MNT/append"
        sleep 0.1
    done
    while read -r expression; do
        wait_for 60 eval '[[ $(query "$expression") -gt 0 ]]' ||
            fail "nothing answers $expression"
    done < <(queries)
    # A log that takes no appends.
    wait_for 30 detach "$other.mnt"
    wait_for 30 flock --nonblock "$other" true
    "$CLOG" -o ro "$other" "$other.mnt"
    wait_for 60 is_firing ClogNotWritable 'pending|firing'
    # Appends that fail: the cursor has not read what would have to go.
    remount_log -o retain_bytes=20K,max_store=1K,keep_unread
    wait_for 100 appends_fail
    wait_for 30 detach "$other.mnt"
    stop_monitoring
}

run_tests
