//! A view as CSV (RFC 4180), with a byte order mark, by which spreadsheets know that it is UTF-8.

use crate::engine::Cell;
use crate::http::cell::Wording;
use crate::model::Value;
use crate::workflow::Column;

use super::{Seen, titled};

/// Writes the rows, with the titles of the columns before them.
pub(super) fn write(seen: &Seen) -> Vec<u8> {
    let mut text = String::from('\u{feff}');
    let columns = &seen.view.columns;
    line(&mut text, columns.iter().map(|column| guarded(&titled(&column.title, &column.name, seen.language))));
    for row in &seen.looked.rows {
        line(&mut text, columns.iter().zip(&row.cells).map(|(column, cell)| shown(seen.wording(), column, cell)));
    }
    if let Some(remark) = seen.remark() {
        line(&mut text, std::iter::once(remark.to_owned()));
    }
    text.into_bytes()
}

fn line(text: &mut String, cells: impl Iterator<Item = String>) {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            text.push(',');
        }
        text.push_str(&quoted(&cell));
    }
    text.push_str("\r\n");
}

fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

fn shown(wording: Wording<'_>, column: &Column, cell: &Cell) -> String {
    match cell {
        Cell::Value(Some(value @ (Value::Integer(_) | Value::Decimal(_) | Value::Duration(_)))) => {
            wording.text(&column.shown, value)
        }
        Cell::Value(Some(value)) => guarded(&wording.text(&column.shown, value)),
        Cell::Value(None) | Cell::Hidden => String::new(),
        Cell::Wrong(error) => format!("#ERROR: {}", error.message),
    }
}

/// A text that a spreadsheet would take for a formula gets an apostrophe before it; a number is none.
fn guarded(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula && text.parse::<rust_decimal::Decimal>().is_err() { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_formula_is_guarded_and_what_would_break_a_line_is_quoted() {
        for (text, expected) in [
            ("plain", "plain"),
            ("=1+1", "'=1+1"),
            ("@x", "'@x"),
            ("+86 138", "'+86 138"),
            ("+86138", "+86138"),
            ("-7.50", "-7.50"),
            ("-7;cmd", "'-7;cmd"),
            ("\tx", "'\tx"),
            ("\r=1", "\"'\r=1\""),
            ("=HYPERLINK(\"a\",\"b\")", "\"'=HYPERLINK(\"\"a\"\",\"\"b\"\")\""),
            ("a,b", "\"a,b\""),
            ("", ""),
        ] {
            assert_eq!(quoted(&guarded(text)), expected, "{text}");
        }
    }
}
