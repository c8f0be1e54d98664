//! Rows of a file: fields as the API takes them, each with its line.

use std::path::Path;

use clap::ValueEnum;
use serde_json::{Map, Value as Json};

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
        Form::Csv => csv_rows(bytes, schema),
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

fn csv_rows(bytes: &[u8], schema: &Json) -> Result<Vec<Row>, String> {
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let columns: Vec<&str> = header.iter().map(str::trim).collect();
    for (index, column) in columns.iter().enumerate() {
        if column.is_empty() {
            return Err(format!("column {} has no name", index + 1));
        }
        if columns.iter().take(index).any(|before| before == column) {
            return Err(format!("the column `{column}` stands twice"));
        }
    }
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        let read = reader.read_record(&mut record);
        let line = record.position().map_or_else(|| reader.position().line(), |start| first_line(bytes, start));
        match read {
            Ok(false) => return Ok(rows),
            Ok(true) => rows.push((line, Ok(fields(&columns, &record, schema)))),
            Err(error) => rows.push((line, Err(broken(&error, columns.len())))),
        }
    }
}

/// The line on which a record begins: csv counts the empty lines before a record as its own.
fn first_line(bytes: &[u8], start: &csv::Position) -> u64 {
    let record = usize::try_from(start.byte()).ok().and_then(|byte| bytes.get(byte..)).unwrap_or_default();
    let before = record.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    start.line() + before.filter(|byte| **byte == b'\n').map(|_| 1).sum::<u64>()
}

fn broken(error: &csv::Error, columns: usize) -> String {
    if let csv::ErrorKind::UnequalLengths { len, .. } = error.kind() {
        return format!("has {len} cells, and there are {columns} columns");
    }
    if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) { "is not UTF-8".to_owned() } else { error.to_string() }
}

/// The fields of a line; an empty cell is a field that is left out.
fn fields(columns: &[&str], record: &csv::StringRecord, schema: &Json) -> Map<String, Json> {
    let filled = columns.iter().zip(record.iter().map(str::trim)).filter(|(_, text)| !text.is_empty());
    filled.map(|(column, text)| ((*column).to_owned(), cell(schema.pointer(&property(column)), text))).collect()
}

fn property(column: &str) -> String {
    format!("/properties/{}", column.replace('~', "~0").replace('/', "~1"))
}

/// A cell as its schema wants it; what can't be read so stays text, and the server says what is wrong with it.
fn cell(schema: Option<&Json>, text: &str) -> Json {
    let types = schema.and_then(|schema| schema.get("type"));
    let is = |name: &str| match types {
        Some(Json::String(one)) => one == name,
        Some(Json::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    };
    let as_text = || Json::from(text);
    if is("string") {
        as_text()
    } else if is("boolean") {
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" | "是" => Json::from(true),
            "false" | "no" | "0" | "否" => Json::from(false),
            _ => as_text(),
        }
    } else if is("integer") {
        text.parse::<i64>().map_or_else(|_| as_text(), Json::from)
    } else if is("array") || is("object") {
        serde_json::from_str(text).unwrap_or_else(|_| as_text())
    } else {
        as_text()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(form: Form, text: &str) -> String {
        let schema = json!({ "properties": {
            "count": { "type": "integer" }, "done": { "type": ["boolean", "null"] },
            "sum": { "type": ["string", "number"] }, "rows": { "type": "array" },
        } });
        let show = |(line, row): Row| match row {
            Ok(fields) => format!("{line}: {}", Json::Object(fields)),
            Err(problem) => format!("{line}: bad: {problem}"),
        };
        read(form, text.as_bytes(), &schema).map_or_else(
            |problem| format!("broken: {problem}"),
            |rows| rows.into_iter().map(show).collect::<Vec<_>>().join("\n"),
        )
    }

    #[test]
    fn cells_are_read_as_the_schema_says() {
        let text = "\u{feff}count,done,sum,note,rows\n1,yes,1.50,hello,\"[{\"\"a\"\":1}]\"\n\nx,?,,,\n1,2\n\"2\n\",true,3,c,[\n";
        insta::assert_snapshot!(check(Form::Csv, text), @r#"
        2: {"count":1,"done":true,"sum":"1.50","note":"hello","rows":[{"a":1}]}
        4: {"count":"x","done":"?"}
        5: bad: has 2 cells, and there are 5 columns
        6: {"count":2,"done":true,"sum":"3","note":"c","rows":"["}
        "#);
    }

    #[test]
    fn lines_of_json_are_objects() {
        let text = "{\"a\": 1}\n\n[1]\n{\"a\": \n{\"b\": null}";
        insta::assert_snapshot!(check(Form::Ndjson, text), @r#"
        1: {"a":1}
        3: bad: not a JSON object of fields: invalid type: sequence, expected a map at column 0
        4: bad: not a JSON object of fields: EOF while parsing a value at column 6
        5: {"b":null}
        "#);
    }

    #[test]
    fn a_header_names_each_column_once() {
        insta::assert_snapshot!(check(Form::Csv, "a,b,a\n"), @"broken: the column `a` stands twice");
        insta::assert_snapshot!(check(Form::Csv, "a,\n"), @"broken: column 2 has no name");
    }
}
