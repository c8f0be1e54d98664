//! A field of the type `attachment` holds the content of a file that was attached to the case.

use crate::field::{Items, Kind, Schema};
use crate::model::{Case, Reason, Record, RefusalKind, Title, Value};

/// Every content in `given` that was not attached to `case`, as a reason against the input.
pub(super) fn strangers(schema: &Schema, given: &Record, case: &Case) -> Vec<Reason> {
    let mut reasons = Vec::new();
    record(schema, given, case, "", &mut reasons);
    reasons
}

fn record(schema: &Schema, given: &Record, case: &Case, path: &str, reasons: &mut Vec<Reason>) {
    for (name, given) in given.iter() {
        let Some(field) = schema.get(name) else { continue };
        let path = if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
        value(&field.kind, given, case, &path, reasons);
    }
}

fn value(kind: &Kind, given: &Value, case: &Case, path: &str, reasons: &mut Vec<Reason>) {
    match (kind, given) {
        (Kind::Attachment, Value::Text(sha256)) if case.attachment(sha256).is_none() => {
            let title =
                Title::new("该文件未附在本单据上,请先上传", "this is not attached to the case; attach it first");
            reasons.push(Reason::new(RefusalKind::Invalid, "not_attached", title).at(path));
        }
        (Kind::List(list), Value::List(items)) => {
            for (index, item) in items.iter().enumerate() {
                let path = format!("{path}[{index}]");
                match (&list.of, item) {
                    (Items::Rows(rows), Value::Row(row)) => record(rows, row, case, &path, reasons),
                    (Items::Rows(_), _) => {}
                    (Items::Plain(kind), item) => value(kind, item, case, &path, reasons),
                }
            }
        }
        (_, _) => {}
    }
}
