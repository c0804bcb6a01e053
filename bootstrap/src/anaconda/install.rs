//! The step that installs Anaconda.
