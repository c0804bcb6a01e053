"""The lab: an instance, its volume, its network, a database and an archive, without an account at AWS."""
