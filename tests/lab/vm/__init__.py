"""A whole machine for the lab: Debian with its own kernel, systemd and cloud-init, in software emulation."""
