//! The channel `log`: a line in the log of the server, with the words as one value, so that none makes a line of its
//! own.

use super::Letter;

/// Writes it.
pub(super) fn send(letter: &Letter) {
    let Letter { delivery, subject, body, .. } = letter;
    let (id, message, to) = (delivery.id, &*delivery.message, delivery.to.name());
    tracing::info!(delivery = %id, message, to, ?subject, ?body, "message");
}
