//! CSV: a line is a case, and columns such as `parts.name` are the rows of its list `parts`.
//!
//! A line whose other cells are those of the line above, or all empty, adds one more row to the case above.

use csv::StringRecord;
use serde_json::{Map, Value as Json};

use crate::http::first_line;

use super::rows::Row;

/// A column: a field of the case, or of the rows of a list.
#[derive(Debug, PartialEq, Eq)]
struct Column {
    /// The list; `None` for a field of the case itself.
    list: Option<String>,
    /// The field.
    field: String,
}

/// The case that is being put together.
struct Open {
    line: u64,
    /// The cells of the case itself, as they were written.
    own: Vec<String>,
    fields: Map<String, Json>,
}

/// The rows of a sheet; cells are read as `schema`, the JSON Schema of the fields, says.
///
/// # Errors
/// When the header is broken, or a line can't be read and it can't be told which case it belongs to.
pub(super) fn read(bytes: &[u8], schema: &Json) -> Result<Vec<Row>, String> {
    let mut reader = csv::Reader::from_reader(bytes);
    let columns = columns(reader.headers().map_err(|error| error.to_string())?, schema)?;
    let has_lists = columns.iter().any(|column| column.list.is_some());
    let (mut rows, mut open): (Vec<Row>, Option<Open>) = (Vec::new(), None);
    let mut record = StringRecord::new();
    loop {
        let read = reader.read_record(&mut record);
        let line = record.position().map_or_else(|| reader.position().line(), |start| first_line(bytes, start));
        match read {
            Ok(true) => {
                let goes_on =
                    has_lists.then_some(open.as_mut()).flatten().filter(|open| open.goes_on(&columns, &record));
                if let Some(open) = goes_on {
                    open.add(&columns, &record, schema);
                } else {
                    let next = Open::new(line, &columns, &record, schema);
                    rows.extend(open.replace(next).map(Open::close));
                }
            }
            Ok(false) => {
                rows.extend(open.map(Open::close));
                return Ok(rows);
            }
            Err(error) if has_lists => return Err(format!("line {line}: {}", broken(&error, columns.len()))),
            Err(error) => {
                rows.extend(open.take().map(Open::close));
                rows.push((line, Err(broken(&error, columns.len()))));
            }
        }
    }
}

impl Open {
    fn new(line: u64, columns: &[Column], record: &StringRecord, schema: &Json) -> Self {
        let own = columns.iter().zip(record).filter(|(column, _)| column.list.is_none());
        let own: Vec<(&Column, &str)> = own.map(|(column, text)| (column, text.trim())).collect();
        let filled = own.iter().filter(|(_, text)| !text.is_empty());
        let fields = filled.map(|(column, text)| (column.field.clone(), cell(column.schema(schema), text))).collect();
        let own = own.iter().map(|(_, text)| (*text).to_owned()).collect();
        let mut open = Self { line, own, fields };
        open.add(columns, record, schema);
        open
    }

    /// Whether a line belongs to this case.
    fn goes_on(&self, columns: &[Column], record: &StringRecord) -> bool {
        let own = columns.iter().zip(record).filter(|(column, _)| column.list.is_none()).map(|(_, text)| text.trim());
        own.clone().all(str::is_empty) || own.eq(self.own.iter().map(String::as_str))
    }

    /// Adds a row to each list of which the line has a cell.
    fn add(&mut self, columns: &[Column], record: &StringRecord, schema: &Json) {
        let mut rows: Map<String, Json> = Map::new();
        for (column, text) in columns.iter().zip(record) {
            if let (Some(list), false) = (&column.list, text.trim().is_empty()) {
                let row = rows.entry(list.clone()).or_insert_with(|| Json::Object(Map::new()));
                row.as_object_mut()
                    .map(|row| row.insert(column.field.clone(), cell(column.schema(schema), text.trim())));
            }
        }
        for (list, row) in rows {
            let all = self.fields.entry(list).or_insert_with(|| Json::Array(Vec::new()));
            all.as_array_mut().map(|all| all.push(row)).unwrap_or_default();
        }
    }

    fn close(self) -> Row {
        (self.line, Ok(self.fields))
    }
}

impl Column {
    /// Its JSON Schema, in that of the fields.
    fn schema<'s>(&self, fields: &'s Json) -> Option<&'s Json> {
        let property = |schema: &'s Json, name: &str| schema.get("properties")?.get(name);
        match &self.list {
            None => property(fields, &self.field),
            Some(list) => property(property(fields, list)?.get("items")?, &self.field),
        }
    }
}

fn columns(header: &StringRecord, schema: &Json) -> Result<Vec<Column>, String> {
    let mut columns: Vec<Column> = Vec::new();
    for (name, number) in header.iter().map(str::trim).zip(1..) {
        if name.is_empty() {
            return Err(format!("column {number} has no name"));
        }
        let list = name.split_once('.').filter(|(list, _)| is_list(schema, list));
        let column = match list {
            Some((list, field)) => Column { list: Some(list.to_owned()), field: field.to_owned() },
            None => Column { list: None, field: name.to_owned() },
        };
        if columns.contains(&column) {
            return Err(format!("the column `{name}` stands twice"));
        }
        columns.push(column);
    }
    let whole = |list: &String| columns.iter().any(|column| column.list.is_none() && column.field == *list);
    if let Some(list) = columns.iter().filter_map(|column| column.list.as_ref()).find(|list| whole(list)) {
        return Err(format!("`{list}` is given as a whole and by its columns"));
    }
    Ok(columns)
}

fn is_list(schema: &Json, field: &str) -> bool {
    let properties = schema.get("properties");
    properties.and_then(|properties| properties.get(field)?.get("items")?.get("properties")).is_some()
}

fn broken(error: &csv::Error, columns: usize) -> String {
    if let csv::ErrorKind::UnequalLengths { len, .. } = error.kind() {
        return format!("has {len} cells, and there are {columns} columns");
    }
    if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) { "is not UTF-8".to_owned() } else { error.to_string() }
}

/// A cell as its schema wants it; what can't be read so stays text, and the server says what is wrong with it.
fn cell(schema: Option<&Json>, text: &str) -> Json {
    let types = schema.and_then(|schema| schema.get("type"));
    let is = |name: &str| match types {
        Some(Json::String(one)) => one == name,
        Some(Json::Array(several)) => several.iter().any(|one| one == name),
        None | Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_)) => false,
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

    fn check(text: &str) -> String {
        let schema = json!({ "properties": {
            "count": { "type": "integer" }, "done": { "type": ["boolean", "null"] },
            "sum": { "type": ["string", "number"] }, "tags": { "type": "array", "items": { "type": "string" } },
            "parts": { "type": "array", "items": { "properties": { "size": { "type": "integer" } } } },
        } });
        let show = |(line, row): Row| match row {
            Ok(fields) => format!("{line}: {}", Json::Object(fields)),
            Err(problem) => format!("{line}: bad: {problem}"),
        };
        read(text.as_bytes(), &schema).map_or_else(
            |problem| format!("broken: {problem}"),
            |rows| rows.into_iter().map(show).collect::<Vec<_>>().join("\n"),
        )
    }

    #[test]
    fn cells_are_read_as_the_schema_says() {
        let text = "count,done,sum,note,parts,tags\n1,yes,1.50,hello,\"[{\"\"a\"\":1}]\",\"[\"\"x\"\"]\"\n\nx,?,,,,\n1,2\n\"2\n\",true,3,c,[,\n";
        insta::assert_snapshot!(check(text), @r#"
        2: {"count":1,"done":true,"sum":"1.50","note":"hello","parts":[{"a":1}],"tags":["x"]}
        4: {"count":"x","done":"?"}
        5: bad: has 2 cells, and there are 6 columns
        6: {"count":2,"done":true,"sum":"3","note":"c","parts":"["}
        "#);
    }

    #[test]
    fn lines_that_go_on_are_rows_of_the_case_above() {
        let text = "note,parts.size,parts.name,count\na,1,x,7\na,2,,7\n,,z,\nb,,,7\na,4,,7\n";
        insta::assert_snapshot!(check(text), @r#"
        2: {"note":"a","count":7,"parts":[{"size":1,"name":"x"},{"size":2},{"name":"z"}]}
        5: {"note":"b","count":7}
        6: {"note":"a","count":7,"parts":[{"size":4}]}
        "#);
    }

    #[test]
    fn where_a_line_may_go_on_none_may_be_broken() {
        insta::assert_snapshot!(check("note,parts.size\na,1\na\n"), @"broken: line 3: has 1 cells, and there are 2 columns");
    }

    #[test]
    fn equal_lines_without_lists_are_two_cases() {
        insta::assert_snapshot!(check("note,other.size\na,1\na,1\n"), @r#"
        2: {"note":"a","other.size":"1"}
        3: {"note":"a","other.size":"1"}
        "#);
    }

    #[test]
    fn a_header_names_each_column_once() {
        for (header, problem) in [
            ("a,b,a\n", "broken: the column `a` stands twice"),
            ("a,\n", "broken: column 2 has no name"),
            ("parts.size,parts.size\n", "broken: the column `parts.size` stands twice"),
            ("parts,parts.size\n", "broken: `parts` is given as a whole and by its columns"),
        ] {
            assert_eq!(check(header), problem, "{header}");
        }
    }
}
