//! Locks, channels and threads of the parts whose schedules are explored: the standard library's, or shuttle's
//! under the feature `model`, where `tests/model.rs` runs them through thousands of schedules.
//!
//! `Arc` and [`std::sync::PoisonError`] are the standard library's in both. Whoever uses this file must not block
//! on anything else (a tokio channel, a `std` lock that is held across one of these): the model would not see it.

#[cfg(feature = "model")]
pub use shuttle::{
    sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic, mpsc},
    thread,
};
#[cfg(not(feature = "model"))]
pub use std::{
    sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic, mpsc},
    thread,
};
