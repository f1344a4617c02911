#!/usr/bin/env bash
# Three homeservers on loopback that federate with each other over TLS, for people to watch. Started by ./dev demo.
# BINARY is the program; the folder in $1 keeps everything; with --once the story is told and the servers are stopped.
set -euo pipefail
binary=${BINARY:?}
folder=$1
once=${2:-}
names=(north south west)
declare -A federation_port=([north]=18448 [south]=18449 [west]=18450)
declare -A client_port=([north]=18108 [south]=18109 [west]=18110)
declare -A pid=()

say() { printf '%s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }

# One authority of our own, and a certificate for 127.0.0.1 that it signs.
make_certificates() {
    [ -e "$folder/ca.pem" ] && return
    command -v openssl >/dev/null || fail "Missing: openssl. Install with: apt-get install openssl"
    (
        cd "$folder"
        openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=demo authority' -keyout ca.key -out ca.pem
        openssl req -newkey rsa:2048 -nodes -subj '/CN=127.0.0.1' -keyout server.key -out server.csr
        printf 'subjectAltName=IP:127.0.0.1\n' >extensions
        openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile extensions \
            -out server.pem
    ) >"$folder/openssl.log" 2>&1 || { cat "$folder/openssl.log" >&2; fail "The certificates could not be made."; }
}

start() {
    local name=$1
    mkdir -p -m 711 "$folder/$name"
    "$binary" run --data "$folder/$name" \
        --server-name "127.0.0.1:${federation_port[$name]}" \
        --client-listen "http://127.0.0.1:${client_port[$name]}" \
        --federation-listen "https://127.0.0.1:${federation_port[$name]}" \
        --federation-tls-certificate "$folder/server.pem" --federation-tls-key "$folder/server.key" \
        --federation-ca-file "$folder/ca.pem" --federation-allow-private-addresses true \
        --registration-shared-secret demo --rate-limits-enabled false >>"$folder/$name.log" 2>&1 &
    pid[$name]=$!
    until curl -sf "http://127.0.0.1:${client_port[$name]}/_matrix/client/versions" >/dev/null; do
        kill -0 "${pid[$name]}" 2>/dev/null || { tail -n 20 "$folder/$name.log" >&2; fail "$name did not start."; }
        sleep 0.2
    done
}

stop_all() {
    for name in "${!pid[@]}"; do kill "${pid[$name]}" 2>/dev/null || true; done
    wait
}

# ask NAME METHOD PATH [BODY]: a client's request, answered with the body.
ask() {
    local name=$1 method=$2 path=$3 body=${4:-}
    curl -s -X "$method" "http://127.0.0.1:${client_port[$name]}/_matrix/client/v3$path" \
        -H "Authorization: Bearer $(cat "$folder/$name.token" 2>/dev/null || true)" ${body:+--data-binary "$body"}
}

# member NAME: the first string member of that name in what comes in.
member() { sed -nE "s/.*\"$1\":\"([^\"]*)\".*/\1/p" | head -n 1; }

escape() { printf '%s' "$1" | sed -e 's/!/%21/g; s/:/%3A/g; s/#/%23/g; s/\$/%24/g; s/@/%40/g'; }

sign_in() {
    local name=$1
    "$binary" register "watcher-$name" demo-password --data "$folder/$name" \
        --client-listen "http://127.0.0.1:${client_port[$name]}" --registration-shared-secret demo \
        >>"$folder/$name.log" 2>&1 || true
    ask "$name" POST /login '{"type":"m.login.password","identifier":{"type":"m.id.user","user":"watcher-'"$name"'"},"password":"demo-password"}' \
        | member access_token >"$folder/$name.token"
    [ -s "$folder/$name.token" ] || fail "watcher-$name could not log in on $name."
}

sends=0
send() {
    sends=$((sends + 1))
    ask "$1" PUT "/rooms/$(escape "$room")/send/m.room.message/demo$$-$sends" '{"msgtype":"m.text","body":"'"$2"'"}' | member event_id
}

# sees NAME EVENT: waits until the server shows the event.
sees() {
    local tries=0
    until ask "$1" GET "/rooms/$(escape "$room")/event/$(escape "$2")" | grep -q '"event_id"'; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || fail "$1 never saw $2."
        sleep 0.2
    done
}

state_of() { ask "$1" GET "/rooms/$(escape "$room")/state" | grep -oE '"event_id":"[^"]*"' | sort | sha256sum | cut -c1-16; }

compare() {
    local first now tries=0
    while :; do
        first=$(state_of north) now=same
        for name in south west; do [ "$(state_of "$name")" = "$first" ] || now=different; done
        [ $now = same ] && break
        tries=$((tries + 1))
        [ $tries -lt 150 ] || fail "The servers hold different states of the room."
        sleep 0.2
    done
    say "  all three hold the same state of the room: $first"
}

mkdir -p "$folder"
trap stop_all EXIT
make_certificates
for name in "${names[@]}"; do
    say "Starting $name: clients on http://127.0.0.1:${client_port[$name]}, servers on https://127.0.0.1:${federation_port[$name]}"
    start "$name"
    sign_in "$name"
done

say "north makes a room; south and west join it by its alias."
alias="demo$$"
room=$(ask north POST /createRoom '{"preset":"public_chat","name":"Demo","room_alias_name":"'"$alias"'"}' | member room_id)
[ -n "$room" ] || fail "The room was not made."
for name in south west; do
    ask "$name" POST "/join/$(escape "#$alias:127.0.0.1:${federation_port[north]}")" '{}' | grep -q room_id || fail "$name could not join."
done
say "  $room"
compare

say "Everybody talks at once."
events=()
for round in 1 2 3; do
    for name in "${names[@]}"; do events+=("$(send "$name" "$name says $round")"); done
done
for name in "${names[@]}"; do
    for event in "${events[@]}"; do sees "$name" "$event"; done
done
compare

say "south is killed; the others go on."
kill -9 "${pid[south]}"
wait "${pid[south]}" 2>/dev/null || true
missed=()
for round in 1 2 3 4 5; do missed+=("$(send north "while south is away $round")" "$(send west "me too $round")"); done
ask north PUT "/rooms/$(escape "$room")/state/m.room.topic/" '{"topic":"south is away"}' >/dev/null
say "south comes back, and says so."
start south
back=$(send south "south is back")
sees north "$back"
sees west "$back"
for event in "${missed[@]}"; do sees south "$event"; done
compare
"$binary" destinations --data "$folder/north" --client-listen "http://127.0.0.1:${client_port[north]}" 2>/dev/null | sed 's/^/  /' || true

[ "$once" = --once ] && { say "Everything held."; exit 0; }
say
say "They go on until Ctrl-C. Look at them:"
for name in "${names[@]}"; do
    say "  $name  log: tail -f $folder/$name.log   history: $binary audit history --room '$room' --data $folder/$name"
done
say "  Log in at any of the client addresses as watcher-north, watcher-south, watcher-west (demo-password)."
wait
