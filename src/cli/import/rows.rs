//! Rows of a file: fields as the API takes them, each with its line.

use std::path::Path;

use clap::ValueEnum;
use serde_json::{Map, Value as Json};

use super::sheet;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// Comma-separated values; the first line names the columns
    Csv,
    /// A JSON object on each line
    Ndjson,
}

/// A row: its line, and its fields or what is wrong with it.
pub(super) type Row = (u64, Result<Map<String, Json>, String>);

impl Form {
    /// The form that the ending of `file` tells.
    pub(super) fn by_ending(file: &Path) -> Option<Self> {
        match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            _ => None,
        }
    }

    /// Its media type.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

/// The rows of a file. `schema` is the JSON Schema of the fields: a cell of CSV is read as it says.
///
/// # Errors
/// When the whole can't be read: a broken header.
pub(super) fn read(form: Form, bytes: &[u8], schema: &Json) -> Result<Vec<Row>, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match form {
        Form::Csv => sheet::read(bytes, schema),
        Form::Ndjson => Ok(ndjson_rows(bytes)),
    }
}

fn ndjson_rows(bytes: &[u8]) -> Vec<Row> {
    let lines = bytes.split(|byte| *byte == b'\n').zip(1..);
    let filled = lines.filter(|(line, _)| !line.trim_ascii().is_empty());
    filled.map(|(line, number)| (number, serde_json::from_slice(line).map_err(|error| not_an_object(&error)))).collect()
}

fn not_an_object(error: &serde_json::Error) -> String {
    // serde_json counts lines within what it was given, which is one line here.
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default();
    format!("not a JSON object of fields: {reason} at column {}", error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_json_are_objects() {
        let text = "{\"a\": 1}\n\n[1]\n{\"a\": \n{\"b\": null}";
        let show = |(line, row): Row| match row {
            Ok(fields) => format!("{line}: {}", Json::Object(fields)),
            Err(problem) => format!("{line}: bad: {problem}"),
        };
        let rows = read(Form::Ndjson, text.as_bytes(), &Json::Null).unwrap();
        insta::assert_snapshot!(rows.into_iter().map(show).collect::<Vec<_>>().join("\n"), @r#"
        1: {"a":1}
        3: bad: not a JSON object of fields: invalid type: sequence, expected a map at column 0
        4: bad: not a JSON object of fields: EOF while parsing a value at column 6
        5: {"b":null}
        "#);
    }
}
