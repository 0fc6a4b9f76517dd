#!/bin/sh
# Asks once and prints what comes; fails if it is not the whole answer.
# region ask-for-all
url=${ANTHROPIC_BASE_URL:-http://127.0.0.1:4010}
status=$(mktemp)
trap 'rm "$status"' EXIT
{
  curl -sSN --fail-with-body --max-time 60 "$url/v1/messages" \
    -H "x-api-key: $ANTHROPIC_API_KEY" -H "anthropic-version: 2023-06-01" -H "content-type: application/json" \
    -d '{"model": "claude-sonnet-4-6", "max_tokens": 1024, "stream": true, "messages": [{"role": "user", "content": "Hello"}]}'
  echo $? > "$status" # it would be lost in the pipe
} |
  awk '{ print } { fflush() } /^event: message_stop/ { last = 1 } /^\r?$/ { whole = last } END { exit !whole }' &&
  [ "$(cat "$status")" = 0 ]
# endregion
