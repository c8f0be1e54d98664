//! `gendan demo`: a server with sample data that has been worked on through its own API.
#![expect(dead_code, reason = "work in progress")]

mod embedded;
mod make;
mod mapping;
mod plan;
mod play;
mod random;
mod recipe;
mod source;
mod template;
