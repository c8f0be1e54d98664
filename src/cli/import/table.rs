//! Rows of a reference table, or pools of a resource, all or none.

use serde_json::Value as Json;

use crate::cli::Failed;
use crate::cli::client::{Client, ClientError, Problem, segment};
use crate::cli::terminal::Exit;
use crate::model::limit::BULK_BYTES_MAX;

use super::rows::Form;
use super::{Bad, Outcome};

/// Puts the rows of a file into a table (`tables`) or a resource (`resources`).
///
/// # Errors
/// When the server can't be reached or does not take rows of this table from this key at all.
pub(super) fn import(client: &Client, kind: &str, name: &str, form: Form, bytes: &[u8]) -> Result<Outcome, Failed> {
    if bytes.len() > BULK_BYTES_MAX {
        let too_large = format!("the file has {} bytes, more than the {BULK_BYTES_MAX} of one import", bytes.len());
        return Err(Failed::new(Exit::Refused, too_large).help("split it; each part is taken as a whole"));
    }
    let path = format!("/v1/{kind}/{}", segment(name));
    let answer = client.post_bytes(&path, form.media_type(), bytes)?;
    if answer.is_ok() {
        let taken = answer.json.get("rows").and_then(Json::as_u64).and_then(|rows| usize::try_from(rows).ok());
        return Ok(Outcome { taken: taken.unwrap_or_default(), ..Outcome::default() });
    }
    let problem = Problem::read(&answer);
    let bad: Vec<Bad> = problem
        .errors
        .iter()
        .filter_map(|error| Some(Bad { line: error.line?, problem: error.without_line().to_string() }))
        .collect();
    if bad.is_empty() {
        return Err(ClientError::Problem(Box::new(problem)).into());
    }
    Ok(Outcome { bad, ..Outcome::default() })
}
