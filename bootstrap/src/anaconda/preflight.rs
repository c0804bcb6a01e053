//! What must hold before an installer is run.
