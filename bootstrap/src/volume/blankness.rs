//! Whether a device is blank: a pure decision over observed facts.
