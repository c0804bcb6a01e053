//! Editing /etc/fstab, as pure text.
