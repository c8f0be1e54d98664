//! From what the runtime says to problems.

use crate::model::{RefusalKind, Title};
use crate::runtime::{BadRow, Failure};

use super::{
    BAD_PARAMETER, BAD_ROWS, BAD_SCRIPT, CONFLICT, Code, FORBIDDEN, Fault, IN_FLIGHT, INVALID, KEY_REUSED, NOT_FOUND,
    OVERLOADED, Problem, STALE, STARTING, STORE, UNAVAILABLE,
};

/// Bad rows that one answer names.
const BAD_ROWS_MAX: usize = 100;

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => {
                Self::of(of_kind(refusal.kind()), refusal.reasons.iter().map(Fault::from).collect())
            }
            Failure::NotFound { what, name } => not_found(what, &name),
            Failure::Forbidden(message) => Self::new(&FORBIDDEN, Title::both(&message)),
            Failure::Stale { expected, version, .. } => stale(expected, version),
            Failure::InFlight => plain(&IN_FLIGHT),
            Failure::KeyReused => plain(&KEY_REUSED),
            Failure::BadRows(rows) => bad_rows(rows),
            Failure::BadScript(diagnostics) => Self::of(&BAD_SCRIPT, diagnostics.iter().map(Fault::from).collect()),
            Failure::BadQuery(message) => Self::new(&BAD_PARAMETER, Title::both(&message)),
            Failure::Overloaded => plain(&OVERLOADED),
            Failure::Rebuilding { done, all } => Self::new(&STARTING, crate::http::starting::reason(done, all)),
            Failure::Store => plain(&STORE),
        }
    }
}

/// There is no `what` called `name`.
pub(in crate::http) fn not_found(what: &str, name: &str) -> Problem {
    let zh = match what {
        "case" => "单据",
        "workflow" => "流程",
        "transition" => "流转",
        "table" => "表",
        "row" => "行",
        "resource" => "资源",
        "pool" => "资源池",
        "rule" => "规则",
        "key" => "密钥",
        "view" => "视图",
        "measure" => "指标",
        "document" => "单证",
        other => other,
    };
    Problem::new(&NOT_FOUND, Title::new(&format!("没有{zh} `{name}`"), &format!("there is no {what} `{name}`")))
}

/// Names some of the bad rows: a file of another kind has nothing but bad rows.
fn bad_rows(rows: Vec<BadRow>) -> Problem {
    let count = rows.len();
    let faults = rows.into_iter().take(BAD_ROWS_MAX).flat_map(|row| {
        row.problems.into_iter().map(move |problem| Fault { line: Some(row.line), ..Fault::from(problem) })
    });
    Problem::of(&BAD_ROWS, faults.collect()).with("bad_rows", count)
}

fn stale(expected: u64, version: u64) -> Problem {
    let detail = Title::new(
        &format!("单据已是版本 {version}，而请求基于版本 {expected}；请重新读取"),
        &format!("the case is at version {version} and the request was made for version {expected}; read it again"),
    );
    Problem::new(&STALE, detail).with("version", version)
}

fn plain(code: &'static Code) -> Problem {
    Problem::new(code, code.about())
}

fn of_kind(kind: RefusalKind) -> &'static Code {
    match kind {
        RefusalKind::Unknown => &NOT_FOUND,
        RefusalKind::Forbidden => &FORBIDDEN,
        RefusalKind::Conflict => &CONFLICT,
        RefusalKind::Stale => &STALE,
        RefusalKind::Invalid => &INVALID,
        RefusalKind::Unavailable => &UNAVAILABLE,
    }
}
