//! Backups and exports: what was acknowledged comes back, all of it or nothing.
#![cfg(test)]

#[path = "backup/attachments.rs"]
mod attachments;
#[path = "backup/bed.rs"]
mod bed;
#[path = "backup/damage.rs"]
mod damage;
#[path = "backup/export.rs"]
mod export;
#[path = "backup/refusals.rs"]
mod refusals;
#[path = "backup/running.rs"]
mod running;
#[path = "backup/sound.rs"]
mod sound;

#[expect(dead_code, reason = "it is shared with other tests, which use more of it")]
#[path = "support/server.rs"]
mod server;
#[expect(dead_code, reason = "it is shared with the tests of the store, which use more of it")]
#[path = "store/bed.rs"]
mod store;
