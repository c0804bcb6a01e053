//! The step that gives a blank volume its filesystem.
