//! Filters: days, moments and money for people, in the language of the text.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use minijinja::{Environment, Error, ErrorKind, Value};

use crate::model::Language;

/// Every filter that a template may use.
pub(super) const KNOWN: [&str; 37] = [
    "date",
    "month_day",
    "time",
    "when",
    "money",
    "lower",
    "upper",
    "capitalize",
    "replace",
    "length",
    "count",
    "reverse",
    "trim",
    "join",
    "split",
    "lines",
    "default",
    "d",
    "round",
    "abs",
    "int",
    "first",
    "last",
    "min",
    "max",
    "sort",
    "sum",
    "indent",
    "select",
    "reject",
    "selectattr",
    "rejectattr",
    "map",
    "groupby",
    "unique",
    "batch",
    "slice",
];

/// The form in which templates have moments: the clock of the case's calendar.
pub(super) const MOMENT: &str = "%Y-%m-%d %H:%M";

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Adds those that are ours.
pub(super) fn add(environment: &mut Environment<'static>, language: Language) {
    environment.add_filter("date", move |value: &Value| Ok::<_, Error>(date(language, moment(value)?.date())));
    environment
        .add_filter("month_day", move |value: &Value| Ok::<_, Error>(month_day(language, moment(value)?.date())));
    environment.add_filter("time", |value: &Value| Ok::<_, Error>(time(moment(value)?.time())));
    environment.add_filter("when", move |value: &Value| Ok::<_, Error>(when(language, moment(value)?)));
    environment.add_filter("money", |value: &Value| money(value));
}

/// A day or a moment.
fn moment(value: &Value) -> Result<NaiveDateTime, Error> {
    let text = value.as_str().ok_or_else(|| wrong(value, "a day or a moment"))?;
    let moment = NaiveDateTime::parse_from_str(text, MOMENT).ok();
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| day.and_time(NaiveTime::MIN));
    moment.or_else(day).ok_or_else(|| wrong(value, "a day or a moment"))
}

fn wrong(value: &Value, what: &str) -> Error {
    if value.is_undefined() || value.is_none() {
        return Error::new(ErrorKind::UndefinedError, format!("{what} is wanted, and there is no value"));
    }
    Error::new(ErrorKind::InvalidOperation, format!("`{value}` is not {what}"))
}

fn date(language: Language, day: NaiveDate) -> String {
    match language {
        Language::Zh => format!("{}年{}", day.year(), month_day(language, day)),
        Language::En => format!("{}, {}", month_day(language, day), day.year()),
    }
}

fn month_day(language: Language, day: NaiveDate) -> String {
    let name = usize::try_from(day.month0()).ok().and_then(|month| MONTHS.get(month)).copied().unwrap_or_default();
    match language {
        Language::Zh => format!("{}月{}日", day.month(), day.day()),
        Language::En => format!("{name} {}", day.day()),
    }
}

fn time(time: NaiveTime) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

fn when(language: Language, moment: NaiveDateTime) -> String {
    let (day, time) = (month_day(language, moment.date()), time(moment.time()));
    match language {
        Language::Zh => format!("{day}{time}"),
        Language::En => format!("{day}, {time}"),
    }
}

/// `1234.5` is written `1,234.50`; more than two decimals stay.
fn money(value: &Value) -> Result<String, Error> {
    let text = value.to_string();
    let number: rust_decimal::Decimal = text.parse().map_err(|_| wrong(value, "a number"))?;
    let scale = number.normalize().scale().max(2);
    let written = format!("{number:.0$}", usize::try_from(scale).unwrap_or(2));
    let (sign, digits) = written.strip_prefix('-').map_or(("", written.as_str()), |digits| ("-", digits));
    let (whole, rest) = digits.split_once('.').unwrap_or((digits, ""));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    Ok(format!("{sign}{grouped}.{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_write_for_people() {
        for (language, template, expected) in [
            (Language::Zh, "{{ '2026-10-05' | date }}", "2026年10月5日"),
            (Language::En, "{{ '2026-10-05' | date }}", "October 5, 2026"),
            (Language::Zh, "{{ '2026-10-05' | month_day }}", "10月5日"),
            (Language::En, "{{ '2026-10-05 17:00' | when }}", "October 5, 17:00"),
            (Language::Zh, "{{ '2026-10-05 17:00' | when }}", "10月5日17:00"),
            (Language::Zh, "{{ '2026-10-05 07:05' | time }}", "07:05"),
            (Language::En, "{{ '1234567.5' | money }}", "1,234,567.50"),
            (Language::En, "{{ '-123.456' | money }}", "-123.456"),
            (Language::En, "{{ 1000 | money }}", "1,000.00"),
            (Language::En, "{{ 'x' | money }}", "`x` is not a number"),
            (Language::En, "{{ 'x' | date }}", "`x` is not a day or a moment"),
            (Language::En, "{{ nothing | date }}", "a day or a moment is wanted, and there is no value"),
        ] {
            let mut environment = Environment::new();
            add(&mut environment, language);
            let written = environment.render_str(template, ());
            let said = written.unwrap_or_else(|error| error.detail().unwrap_or_default().to_owned());
            assert_eq!(said, expected, "{template}");
        }
    }

    #[test]
    fn every_known_filter_is_there() {
        let mut environment = Environment::new();
        add(&mut environment, Language::En);
        let unknown = KNOWN.into_iter().filter(|name| {
            let rendered = environment.render_str(&format!("{{{{ x | {name} }}}}"), ());
            rendered.is_err_and(|error| error.kind() == ErrorKind::UnknownFilter)
        });
        assert_eq!(unknown.collect::<Vec<_>>(), Vec::<&str>::new());
    }
}
