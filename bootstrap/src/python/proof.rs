//! Asking the database through $python3 and psycopg2.
