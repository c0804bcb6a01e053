//! The step that brings the installer.
