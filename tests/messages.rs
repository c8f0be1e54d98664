//! Messages on their way: real peers on loopback, which fail, hang and come back; a clock that is moved by hand.

#![cfg(test)]

#[path = "messages/bed.rs"]
mod bed;
#[path = "messages/crash.rs"]
mod crash;
#[path = "messages/email.rs"]
mod email;
#[path = "support/webhook.rs"]
mod hook;
#[path = "messages/inbox.rs"]
mod inbox;
#[path = "support/smtp.rs"]
mod smtp;
#[path = "messages/webhook.rs"]
mod webhook;
