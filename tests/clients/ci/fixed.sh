#!/bin/sh
# The test of a client that asks again.
# region tests
sh ask_for_all.sh > answer.txt || sh ask_for_all.sh > answer.txt
grep --quiet "event: message_stop" answer.txt
# endregion
