#!/bin/sh
# Bakes Vivarium into the image that is being made of this machine. For Packer's shell provisioner and for a component
# of EC2 Image Builder alike; run as root.
#
#   bake.sh AGENT SETTINGS
#
#   AGENT     the agent for this processor, whose SHA-256 has been compared: vivarium-agent-x86_64
#   SETTINGS  agent.toml with volume.device, boot.unit = true and the licence; it holds no secret
set -eu
agent=$1 settings=$2

mkdir -p /etc/vivarium
install -m 755 "$agent" /usr/local/bin/vivarium-agent
install -m 644 "$settings" /etc/vivarium/agent.toml
vivarium-agent settings

# The unit for each boot, the volume, Anaconda on it, psycopg2 and $python3; neither the database nor a report.
vivarium-agent run --bake

# What every instance has to make for itself: the journal tells of this machine's volume.
rm -rf /var/lib/vivarium/journal.jsonl /var/lib/vivarium/queue /var/lib/vivarium/last-run.json
sync
if command -v cloud-init > /dev/null; then cloud-init clean --logs; fi
