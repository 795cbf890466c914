//! Who is online: ids, statuses, events, the backend trait and a backend in memory.
