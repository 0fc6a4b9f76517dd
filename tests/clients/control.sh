#!/bin/sh
# The control API with nothing but curl; STREAMLAB_URL is the URL of a running server.
set -eu
STREAMLAB_URL="${STREAMLAB_URL:-http://127.0.0.1:4010}"

# region curl
lab="$STREAMLAB_URL/~mine"
json='content-type: application/json'

curl -s "$STREAMLAB_URL/_streamlab/namespaces" -H "$json" -d '{"name": "mine"}'
curl -s "$lab/_streamlab/rules" -X PUT -H "$json" -d '{"replies": ["One.", {"error": "overloaded"}]}'
curl -s "$lab/_streamlab/rules" -H 'content-type: application/yaml' --data-binary @scenario.yaml
curl -s "$lab/v1/messages" -H "$json" -H 'anthropic-version: 2023-06-01' \
  -d '{"model": "claude-sonnet-4-6", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]}'
curl -s "$lab/_streamlab/journal"
curl -s "$lab/_streamlab/namespace" -X DELETE
# endregion
