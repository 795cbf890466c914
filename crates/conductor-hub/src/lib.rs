//! A WebSocket hub: channels over one socket per client, in the conductor's binary protocol.
