#!/usr/bin/env bash
# Start the stub in the background and wait until it answers; say where it is in the outputs of the step.
#   PORT          the port to listen on (4010)
#   OPTIONS       further options of `orgbilling serve`, separated by spaces
#   RUNNER_TEMP   the folder for the log
#   GITHUB_OUTPUT the file for outputs
set -euo pipefail
port=${PORT:-4010}
url=http://127.0.0.1:$port
log=${RUNNER_TEMP:?}/orgbilling-$port.log
read -r -a options <<<"${OPTIONS:-}"

nohup orgbilling serve --port "$port" --quiet ${options[@]+"${options[@]}"} >"$log" 2>&1 </dev/null &
server=$!
for _ in {1..300}; do
    if grep -q "^Org Billing API on" "$log"; then
        cat "$log"
        printf 'url=%s\napi-url=%s/api/v1\nlog=%s\npid=%s\n' "$url" "$url" "$log" "$server" >>"$GITHUB_OUTPUT"
        exit 0
    fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.2
done
cat "$log" >&2
echo "orgbilling serve did not start" >&2
exit 1
