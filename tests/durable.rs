//! What an answer promises: it leaves after what it tells is on the disk, and where that fails, it says so.
#![cfg(test)]

#[path = "durable/refused.rs"]
mod refused;
#[path = "support/server.rs"]
#[expect(dead_code, reason = "what clients of other tests need stands there too")]
mod server;
#[path = "durable/synced.rs"]
mod synced;
#[path = "durable/trace.rs"]
mod trace;
