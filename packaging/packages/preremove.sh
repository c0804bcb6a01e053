#!/bin/sh
# Before the agent is removed; dpkg says `remove`, rpm `0`. Not before an upgrade: the unit stays as it is.
set -e
case $1 in
remove | 0) ;;
*) exit 0 ;;
esac
command -v systemctl > /dev/null || exit 0
systemctl disable vivarium-agent.service 2> /dev/null || :
if [ -d /run/systemd/system ]; then systemctl stop vivarium-agent.service || :; fi
