#!/usr/bin/env bash
# Runs tests.sh against a server, as a job of a CI service does.
# region job
set -e
streamlab serve overloaded-mid-stream --port 4010 > streamlab.log &
trap 'kill $!' EXIT
export ANTHROPIC_BASE_URL=http://127.0.0.1:4010 ANTHROPIC_API_KEY=any
curl --silent --fail --retry 50 --retry-delay 1 --retry-all-errors "$ANTHROPIC_BASE_URL/_streamlab/health"
sh tests.sh
# endregion
