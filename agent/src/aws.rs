//! What every AWS client of this program shares: region, endpoint, credentials, and the names of its failures.
