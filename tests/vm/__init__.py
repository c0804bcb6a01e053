"""Tests of a whole machine: `make test-vm`."""
