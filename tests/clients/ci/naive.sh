#!/bin/sh
# The test of a client that asks once.
# region tests
sh ask.sh > answer.txt
grep --quiet "event: message_stop" answer.txt
# endregion
