//! inspect → apply → inspect.
