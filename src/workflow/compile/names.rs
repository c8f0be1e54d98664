//! Looking names up, and saying which one was probably meant.

use crate::diagnostic::{Diagnostic, did_you_mean};
use crate::model::Name;
use crate::workflow::walk::At;

/// Names that are listed when none of them is near.
const LISTED_MAX: usize = 12;

/// Says that there is no such thing: `there is no stage ...`.
pub(in crate::workflow) fn unknown<'k>(
    code: &str,
    what: &str,
    name: &At<Name>,
    known: impl IntoIterator<Item = &'k str>,
) -> Diagnostic {
    let known: Vec<&str> = known.into_iter().collect();
    let error = name.spot.error(code, format!("there is no {what} `{}`", name.value));
    if let Some(meant) = did_you_mean(&name.value, known.iter().copied()) {
        return error.help(format!("did you mean `{meant}`?"));
    }
    match known.len() {
        0 => error,
        1..=LISTED_MAX => error.help(format!("known here: {}", known.join(", "))),
        _ => error,
    }
}
