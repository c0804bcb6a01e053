//! Amazon's RDS root certificates.
