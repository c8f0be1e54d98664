//! Many rows at once: NDJSON and CSV, each row with its line, so that a mistake can be found in the file.

use csv::StringRecord;
use serde_json::Value as Json;

use crate::diagnostic::did_you_mean;
use crate::field::{Field, Problem as FieldProblem, Table, cell_to_json};
use crate::http::body::unsupported;
use crate::http::error::Problem;
use crate::http::json;
use crate::model::Title;
use crate::model::command::Input;
use crate::runtime::BadRow;

/// How many rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Format {
    /// A JSON object on each line.
    Ndjson,
    /// Comma-separated values (RFC 4180) with the names of the columns in the first row.
    Csv,
}

impl Format {
    /// The format of a media type.
    pub(in crate::http) fn of(media_type: &str) -> Result<Self, Problem> {
        match media_type {
            "application/x-ndjson" | "application/jsonl" => Ok(Self::Ndjson),
            "text/csv" => Ok(Self::Csv),
            other => Err(unsupported(other, &["application/x-ndjson", "text/csv"])),
        }
    }
}

/// Reads rows with their lines, or tells what is wrong in which line.
pub(in crate::http) fn read(format: Format, table: &Table, bytes: &[u8]) -> Result<Vec<(usize, Input)>, Vec<BadRow>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let (rows, mut bad) = match format {
        Format::Ndjson => ndjson(bytes),
        Format::Csv => csv(table, bytes),
    };
    if rows.is_empty() && bad.is_empty() {
        bad.push(bad_row(1, "", "no_rows", Title::new("没有数据行", "there are no rows")));
    }
    if bad.is_empty() { Ok(rows) } else { Err(bad) }
}

type Read = (Vec<(usize, Input)>, Vec<BadRow>);

fn ndjson(bytes: &[u8]) -> Read {
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    for (index, text) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = index.saturating_add(1);
        if text.trim_ascii().is_empty() {
            continue;
        }
        match json::strict(text) {
            Ok(Json::Object(row)) => rows.push((line, row)),
            Ok(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) => {
                let message = Title::new("每行须为一个 JSON 对象", "each line must be a JSON object");
                bad.push(bad_row(line, "", "not_an_object", message));
            }
            Err(error) => {
                let message = Title::new(&format!("不是 JSON：{error}"), &format!("not JSON: {error}"));
                bad.push(bad_row(line, "", "not_json", message));
            }
        }
    }
    (rows, bad)
}

fn csv(table: &Table, bytes: &[u8]) -> Read {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => return (Vec::new(), vec![unreadable(bytes, &error, 1)]),
    };
    let (columns, mut bad) = columns(table, &header);
    let mut rows = Vec::new();
    let mut last = 1;
    for record in reader.records() {
        match record {
            Ok(record) => {
                last = line_of(bytes, record.position());
                match row(&columns, &record, last) {
                    Ok(row) => rows.push((last, row)),
                    Err(problem) => bad.push(problem),
                }
            }
            Err(error) => bad.push(unreadable(bytes, &error, last.saturating_add(1))),
        }
    }
    (rows, bad)
}

fn columns<'a>(table: &'a Table, header: &StringRecord) -> (Vec<Option<&'a Field>>, Vec<BadRow>) {
    let mut bad = Vec::new();
    let mut columns: Vec<Option<&Field>> = Vec::new();
    for name in header {
        let name = name.trim();
        let field = table.columns.get(name);
        let twice = field.is_some() && columns.contains(&field);
        columns.push(field);
        if twice {
            let message = Title::new(&format!("列 `{name}` 出现两次"), &format!("the column `{name}` stands twice"));
            bad.push(bad_row(1, name, "duplicate_column", message));
        } else if field.is_none() {
            bad.push(bad_row(1, name, "unknown_column", unknown_column(table, name)));
        }
    }
    (columns, bad)
}

fn unknown_column(table: &Table, name: &str) -> Title {
    match did_you_mean(name, table.columns.fields.keys().map(|known| &**known)) {
        Some(near) => Title::new(
            &format!("未知的列 `{name}`，是否指 `{near}`？"),
            &format!("unknown column `{name}`, did you mean `{near}`?"),
        ),
        None => Title::new(&format!("未知的列 `{name}`"), &format!("unknown column `{name}`")),
    }
}

fn row(columns: &[Option<&Field>], record: &StringRecord, line: usize) -> Result<Input, BadRow> {
    if record.len() != columns.len() {
        let (found, wanted) = (record.len(), columns.len());
        let message = Title::new(
            &format!("该行有 {found} 个单元格，表头有 {wanted} 列"),
            &format!("cells in the row: {found}, columns in the header: {wanted}"),
        );
        return Err(bad_row(line, "", "cell_count", message));
    }
    let cells = columns.iter().zip(record.iter());
    let cell = |(field, cell): (&Option<&Field>, &str)| {
        let field = (*field)?;
        let value = cell_to_json(&field.kind, cell);
        (!value.is_null()).then(|| (field.name.to_string(), value))
    };
    Ok(cells.filter_map(cell).collect())
}

fn unreadable(bytes: &[u8], error: &csv::Error, line: usize) -> BadRow {
    let line = error.position().map_or(line, |position| line_of(bytes, Some(position)));
    if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) {
        return bad_row(
            line,
            "",
            "not_utf8",
            Title::new("不是 UTF-8；请另存为 UTF-8", "not UTF-8; save the file as UTF-8"),
        );
    }
    bad_row(line, "", "not_csv", Title::new("无法按 CSV 读取", "this can't be read as CSV"))
}

fn line_of(bytes: &[u8], position: Option<&csv::Position>) -> usize {
    position.and_then(|position| usize::try_from(first_line(bytes, position)).ok()).unwrap_or(1)
}

/// The line on which a record begins: csv counts the empty lines before a record as its own.
pub(crate) fn first_line(bytes: &[u8], start: &csv::Position) -> u64 {
    let record = usize::try_from(start.byte()).ok().and_then(|byte| bytes.get(byte..)).unwrap_or_default();
    let before = record.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    start.line() + before.filter(|byte| **byte == b'\n').map(|_| 1).sum::<u64>()
}

fn bad_row(line: usize, path: &str, code: &'static str, message: Title) -> BadRow {
    BadRow { line, problems: vec![FieldProblem { path: path.to_owned(), code, message }] }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::field::{Kind, Required, Schema};
    use crate::model::Language;

    fn table() -> Table {
        let field = |name: &str| Field {
            name: name.into(),
            title: Title::default(),
            kind: Kind::Text,
            required: Required::Never,
            unique: false,
            write_once: false,
            append_only: false,
            computed: false,
        };
        let fields = ["code", "title"].iter().map(|name| ((*name).into(), field(name))).collect();
        Table {
            name: "things".into(),
            title: Title::default(),
            key: "code".into(),
            columns: Arc::new(Schema { fields }),
        }
    }

    fn check(format: Format, text: &[u8]) -> String {
        match read(format, &table(), text) {
            Ok(rows) => {
                rows.iter().map(|(line, row)| format!("{line} {}\n", serde_json::to_string(row).unwrap())).collect()
            }
            Err(bad) => bad
                .iter()
                .flat_map(|row| row.problems.iter().map(|problem| (row.line, problem)))
                .map(|(line, problem)| format!("{line}: {} {}\n", problem.code, problem.message.text(Language::En)))
                .collect(),
        }
    }

    #[test]
    fn ndjson_keeps_its_lines() {
        insta::assert_snapshot!(check(Format::Ndjson, b"{\"code\":\"A\"}\r\n\n{\"code\":\"B\",\"title\":null}"), @r#"
        1 {"code":"A"}
        3 {"code":"B","title":null}
        "#);
        insta::assert_snapshot!(check(Format::Ndjson, b"{\"code\":\"A\"}\n[1]\n{\"code\":\n"), @"
        2: not_an_object each line must be a JSON object
        3: not_json not JSON: EOF while parsing a value at line 1 column 8
        ");
        insta::assert_snapshot!(check(Format::Ndjson, b" \n"), @"1: no_rows there are no rows");
    }

    #[test]
    fn csv_keeps_its_lines() {
        insta::assert_snapshot!(check(Format::Csv, "\u{feff}code,title\nA,\"two\nlines, one cell\"\nB,乙\n".as_bytes()), @r#"
        2 {"code":"A","title":"two\nlines, one cell"}
        4 {"code":"B","title":"乙"}
        "#);
        insta::assert_snapshot!(check(Format::Csv, b"code,title\nA,x\n\n\r\n\nB,y\n"), @r#"
        2 {"code":"A","title":"x"}
        6 {"code":"B","title":"y"}
        "#);
        insta::assert_snapshot!(check(Format::Csv, b"code,title\n\nA,x\n\nC\n"), @"5: cell_count cells in the row: 1, columns in the header: 2");
        insta::assert_snapshot!(check(Format::Csv, b"code,titel\nA,x\nB\nC,y,z\n"), @"
        1: unknown_column unknown column `titel`, did you mean `title`?
        3: cell_count cells in the row: 1, columns in the header: 2
        4: cell_count cells in the row: 3, columns in the header: 2
        ");
        insta::assert_snapshot!(check(Format::Csv, b"code,code\nA,B\n"), @"1: duplicate_column the column `code` stands twice");
        insta::assert_snapshot!(check(Format::Csv, b"code,title\nA,\xff\n"), @"2: not_utf8 not UTF-8; save the file as UTF-8");
        insta::assert_snapshot!(check(Format::Csv, b"code,title\n"), @"1: no_rows there are no rows");
    }

    #[test]
    fn other_formats_are_refused() {
        assert_eq!(Format::of("text/csv").ok(), Some(Format::Csv));
        assert_eq!(Format::of("application/json").unwrap_err().code(), "unsupported_media_type");
    }
}
