//! Cases, opened one by one under keys that come from the file: a repeated import opens nothing twice.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use crate::cli::Failed;
use crate::cli::client::{Answer, Client, ClientError, Problem, segment};
use crate::cli::terminal::{Exit, Terminal};

use super::rows::{self, Form};
use super::{Bad, Outcome};

/// Times that a row is sent again while the server is busy.
const BUSY_RETRIES_MAX: u32 = 6;
/// The first wait while the server is busy; each further one is twice as long.
const BUSY_WAIT: Duration = Duration::from_millis(250);

/// Opens a case for each row.
///
/// # Errors
/// When the server can't be reached or does not let this key open such cases at all.
pub(super) fn import(
    client: &Client,
    workflow: &str,
    form: Form,
    bytes: &[u8],
    terminal: &Terminal,
) -> Result<Outcome, Failed> {
    let schema = schema(client, workflow)?;
    let rows = rows::read(form, bytes, &schema).map_err(|problem| Failed::new(Exit::Refused, problem))?;
    let path = format!("/v1/workflows/{}/cases", segment(workflow));
    let file = file_key(bytes);
    let bar = terminal.progress("importing", rows.len() as u64);
    let mut outcome = Outcome::default();
    for (line, row) in rows {
        match row {
            Ok(fields) => open(&client.once(&format!("{file}-{line}")), &path, fields, line, &mut outcome)?,
            Err(problem) => outcome.bad.push(Bad { line, problem }),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(outcome)
}

/// The beginning of the keys of a file: the same bytes give the same keys.
fn file_key(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().take(16).fold("import-".to_owned(), |key, byte| key + format!("{byte:02x}").as_str())
}

/// The JSON Schema of the fields that a client may write.
fn schema(client: &Client, workflow: &str) -> Result<Json, Failed> {
    let answer = client.get(&format!("/v1/workflows/{}", segment(workflow)))?.ok()?;
    Ok(answer.json.get("fields").cloned().unwrap_or_default())
}

fn open(
    client: &Client,
    path: &str,
    fields: Map<String, Json>,
    line: u64,
    outcome: &mut Outcome,
) -> Result<(), Failed> {
    let answer = patiently(client, path, &json!({ "fields": fields }))?;
    if answer.is_ok() {
        let replayed = answer.header("idempotency-replayed").is_some();
        outcome.taken += usize::from(!replayed);
        outcome.repeated += usize::from(replayed);
        return Ok(());
    }
    let problem = Problem::read(&answer);
    match answer.status {
        // Of the row, not of the whole.
        400 | 409 | 413 | 422 => {
            outcome.bad.push(Bad { line, problem: one_line(&problem) });
            Ok(())
        }
        _ => {
            let done = format!("stopped at line {line}; mend it and import the file again: nothing is opened twice");
            Err(Failed::from(ClientError::Problem(Box::new(problem))).help(done))
        }
    }
}

/// Posts, again and again while the server is busy.
fn patiently(client: &Client, path: &str, body: &Json) -> Result<Answer, ClientError> {
    let mut wait = BUSY_WAIT;
    let mut answer = client.post(path, body)?;
    for _ in 0..BUSY_RETRIES_MAX {
        let busy = matches!(answer.status, 429 | 503) || answer.status == 409 && Problem::read(&answer).retryable;
        if !busy {
            break;
        }
        std::thread::sleep(wait);
        wait *= 2;
        answer = client.post(path, body)?;
    }
    Ok(answer)
}

fn one_line(problem: &Problem) -> String {
    if problem.errors.is_empty() {
        return problem.detail.clone();
    }
    problem.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_give_the_same_key() {
        insta::assert_snapshot!(file_key(b"a,b\n1,2\n"), @"import-492d5ea496056f1a6a6592241032fab7");
        assert_ne!(file_key(b"a"), file_key(b"b"));
    }
}
