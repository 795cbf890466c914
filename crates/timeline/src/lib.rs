//! Inboxes and histories with gapless sequences.
