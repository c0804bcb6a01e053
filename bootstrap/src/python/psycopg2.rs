//! The step that installs psycopg2.
