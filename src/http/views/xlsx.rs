//! A view as an Excel file: numbers are numbers, days are days, and the titles stay in sight.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use crate::engine::Cell;
use crate::http::cell::Wording;
use crate::model::Value;
use crate::workflow::Column;

use super::{Seen, titled};

/// The most characters of a cell.
const CELL_CHARS_MAX: usize = 32_767;
/// The most characters of the name of a sheet.
const SHEET_CHARS_MAX: usize = 31;
/// The most digits that a number in a spreadsheet keeps.
const DIGITS_MAX: i64 = 999_999_999_999_999;
/// The bounds of the width of a column, in characters.
const WIDTH: (usize, usize) = (8, 48);

/// The forms of cells.
struct Forms {
    head: Format,
    day: Format,
    moment: Format,
}

/// Writes the rows, with the titles of the columns before them.
pub(super) fn write(seen: &Seen) -> Result<Vec<u8>, XlsxError> {
    let forms = Forms {
        head: Format::new().set_bold(),
        day: Format::new().set_num_format("yyyy-mm-dd"),
        moment: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
    };
    let mut book = Workbook::new();
    // The same rows give the same bytes.
    book.set_properties(&DocProperties::new().set_creation_datetime(&ExcelDateTime::from_ymd(2000, 1, 1)?));
    let sheet = book.add_worksheet();
    sheet.set_name(sheet_name(&titled(&seen.view.title, &seen.view.name, seen.language)))?;
    sheet.set_freeze_panes(1, 0)?;
    let mut below = 1;
    for (column, place) in seen.view.columns.iter().zip(0_u16..) {
        let title = titled(&column.title, &column.name, seen.language);
        let mut widest = width(&title);
        sheet.write_string_with_format(0, place, cut(&title), &forms.head)?;
        for (row, line) in seen.looked.rows.iter().zip(1_u32..) {
            if let Some(cell) = row.cells.get(usize::from(place)) {
                widest = widest.max(shown(sheet, (line, place), &forms, seen.wording(), column, cell)?);
            }
            below = below.max(line.saturating_add(1));
        }
        sheet.set_column_width(place, u32::try_from(widest.clamp(WIDTH.0, WIDTH.1)).unwrap_or(8))?;
    }
    if let Some(remark) = seen.remark() {
        sheet.write_string(below, 0, remark)?;
    }
    book.save_to_buffer()
}

/// Writes a cell; says how wide it is.
fn shown(
    sheet: &mut Worksheet,
    (line, place): (u32, u16),
    forms: &Forms,
    wording: Wording<'_>,
    column: &Column,
    cell: &Cell,
) -> Result<usize, XlsxError> {
    let value = match cell {
        Cell::Value(Some(value)) => value,
        Cell::Value(None) | Cell::Hidden => return Ok(0),
        Cell::Wrong(error) => {
            sheet.write_string(line, place, cut(&format!("#ERROR: {}", error.message)))?;
            return Ok(WIDTH.0);
        }
    };
    let text = wording.text(&column.shown, value);
    if let Some(number) = number(value) {
        sheet.write_number(line, place, number)?;
    } else if let Value::Boolean(flag) = value {
        sheet.write_boolean(line, place, *flag)?;
    } else if let Some((moment, form)) = moment(value, wording, forms) {
        sheet.write_datetime_with_format(line, place, &moment, form)?;
    } else {
        sheet.write_string(line, place, cut(&text))?;
    }
    Ok(width(&text))
}

/// The number, when a spreadsheet keeps all of its digits.
fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Integer(number) => Decimal::from(*number),
        Value::Decimal(number) => number.normalize(),
        Value::Text(_)
        | Value::Boolean(_)
        | Value::Date(_)
        | Value::Datetime(_)
        | Value::Duration(_)
        | Value::List(_)
        | Value::Row(_)
        | Value::Map(_) => return None,
    };
    let kept = number.mantissa().unsigned_abs() <= u128::from(DIGITS_MAX.unsigned_abs());
    number.to_f64().filter(|_| kept)
}

/// The day or moment, when spreadsheets have it: they begin with the year 1900.
fn moment<'f>(value: &Value, wording: Wording<'_>, forms: &'f Forms) -> Option<(ExcelDateTime, &'f Format)> {
    let (text, form) = match value {
        Value::Date(day) => (day.to_string(), &forms.day),
        Value::Datetime(moment) => {
            (moment.local(wording.zone()).format("%Y-%m-%dT%H:%M:%S").to_string(), &forms.moment)
        }
        Value::Text(_)
        | Value::Integer(_)
        | Value::Decimal(_)
        | Value::Boolean(_)
        | Value::Duration(_)
        | Value::List(_)
        | Value::Row(_)
        | Value::Map(_) => return None,
    };
    ExcelDateTime::parse_from_str(&text).ok().map(|moment| (moment, form))
}

fn cut(text: &str) -> String {
    text.chars().take(CELL_CHARS_MAX).collect()
}

/// The name of the sheet: some letters are not taken there.
fn sheet_name(title: &str) -> String {
    let taken =
        |letter: &char| !matches!(letter, '[' | ']' | ':' | '*' | '?' | '/' | '\\' | '\'') && !letter.is_control();
    let name: String = title.chars().filter(taken).take(SHEET_CHARS_MAX).collect();
    if name.trim().is_empty() { "Sheet1".to_owned() } else { name }
}

/// How many columns of a screen the text takes: ideographs take two.
fn width(text: &str) -> usize {
    text.lines().map(|line| line.chars().map(|letter| if letter.is_ascii() { 1 } else { 2 }).sum()).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_would_lose_digits_stays_text() {
        for (text, expected) in [
            ("12.50", Some(12.5)),
            ("-0.1", Some(-0.1)),
            ("999999999999999", Some(999_999_999_999_999.0)),
            ("1000000000000001", None),
            ("0.1234567890123456", None),
        ] {
            assert_eq!(number(&Value::Decimal(text.parse().unwrap())), expected, "{text}");
        }
    }

    #[test]
    fn any_title_gives_a_name_that_a_sheet_can_have() {
        for (title, expected) in [("a/b [c]: 'd'", "ab c d"), ("???", "Sheet1"), ("", "Sheet1"), ("跟踪表", "跟踪表")]
        {
            assert_eq!(sheet_name(title), expected);
        }
        assert_eq!(sheet_name(&"x".repeat(99)).len(), 31);
    }
}
