//! `gendan demo`: a server with sample data that has been worked on through its own API.
#![expect(dead_code, reason = "work in progress")]

mod ask;
mod embedded;
mod judge;
mod make;
mod mapping;
mod plan;
mod play;
mod player;
mod progress;
mod random;
mod recipe;
mod source;
mod staff;
mod story;
mod summary;
mod template;
