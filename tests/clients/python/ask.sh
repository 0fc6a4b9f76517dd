#!/bin/sh
# Asks once and prints what comes; more options of curl may be given.
# region ask
url=${ANTHROPIC_BASE_URL:-http://127.0.0.1:4010}
curl -sSN "$url/v1/messages" "$@" \
  -H "x-api-key: $ANTHROPIC_API_KEY" -H "anthropic-version: 2023-06-01" -H "content-type: application/json" \
  -d '{"model": "claude-sonnet-4-6", "max_tokens": 1024, "stream": true, "messages": [{"role": "user", "content": "Hello"}]}'
# endregion
