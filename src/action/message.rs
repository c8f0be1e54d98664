//! `notify`: sends a message.

use std::sync::Arc;

use crate::message::{Message, Speaks, To};
use crate::model::Name;
use crate::workflow::Given;

/// The settings of `notify`.
#[derive(Clone, Debug)]
pub struct Notify {
    /// The message.
    pub message: Arc<Message>,
    /// Whom it is for; never empty.
    pub to: Vec<To>,
    /// The language in which it is sent; in all it has, without one.
    pub language: Option<Speaks>,
    /// Whether it is sent at most once for each case.
    pub once: bool,
    /// What its templates see as `with`.
    pub with: Vec<(Name, Given)>,
}
