//! Name, TCP, TLS, authentication, `SELECT NOW()`: the first rung that breaks.
