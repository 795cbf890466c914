//! The realtime half of a chat product: presence, timelines and a WebSocket hub.
