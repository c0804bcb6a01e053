//! Which wheel fits which Python, pip, architecture and glibc.
