#!/bin/sh
# After the agent is removed. Settings and journal stay; dpkg's `purge` takes them too. The volume, what is on it, its
# line in /etc/fstab and $python3 are the user's: nothing here touches them.
set -e
if [ "$1" = purge ]; then
    rm -f /etc/vivarium/agent.toml
    [ ! -d /etc/vivarium ] || rmdir --ignore-fail-on-non-empty /etc/vivarium
    rm -rf /var/lib/vivarium
fi
if [ -d /run/systemd/system ]; then systemctl daemon-reload || :; fi
