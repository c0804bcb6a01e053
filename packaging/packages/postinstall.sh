#!/bin/sh
# After a deb or rpm of the agent is installed or upgraded. The unit is neither enabled nor started: settings ask for it.
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload || :; fi
